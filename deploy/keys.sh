#!/bin/sh
# Who may be whom: an authority, certificates, the database's password, and the broker's rules.
#
#   keys.sh                     make what is missing or ends within 30 days, and the broker's rules anew
#   keys.sh certificate NAME    ca.crt, NAME.crt and NAME.key as a tar archive on standard output
#   keys.sh revoke NAME         that certificate connects no more
#
# Below $KEYS (/keys) each reader has a folder of its own, whose group may read what is in it, and a folder that is not
# there is left out. Who has authority/ca.key can be any device.
# BROKER_HOST is the name or address by which devices call the broker. With `dev` in PROFILES a user `simulator` may
# speak for all devices of the tenant northwind; with `s3` the object store gets its key. Further users are in users.toml
# of the data folder.
set -eu
umask 077

keys=${KEYS:-/keys}
here=$(cd "$(dirname "$0")" && pwd)
data=${ODOGRAPH_DATA_DIR:-/data}
collector=odograph-main
soon_s=2592000

say() { echo "$*" >&2; }
openssl_quietly() { openssl "$@" 2>"$scratch/openssl" || { cat "$scratch/openssl" >&2; exit 1; }; }
has() { case ",${PROFILES:-}," in *,"$1",*) true ;; *) false ;; esac; }
is_good() { [ -s "$1" ] && openssl x509 -noout -checkend "$soon_s" -in "$1" >/dev/null; }

# A reader finds the old file or the new one, and never half of it.
place() {
    cmp -s "$1" "$2" && return
    install -m 640 -g "$(stat -c %g "$(dirname "$2")")" "$1" "$2.new"
    mv -f "$2.new" "$2"
}

request() { # name, further arguments
    name=$1
    shift
    openssl_quietly req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -config "$here/certificates.cnf" \
        -subj "/CN=$name" -keyout "$name.key" -out "$name.csr" "$@"
}

authority() {
    mkdir -p issued
    [ -e index.txt ] || : >index.txt
    [ -s serial ] || echo 1000 >serial
    if ! [ -s ca.crt ]; then
        openssl_quietly req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc \
            -config "$here/certificates.cnf" -extensions authority -days 3650 -subj "/CN=Odograph fleet" \
            -keyout ca.key -out ca.new
        mv ca.new ca.crt
        say "authority made, for ten years"
    fi
    [ -s revoked.pem ] || openssl_quietly ca -config "$here/certificates.cnf" -gencrl -out revoked.pem
}

client() {
    is_good "$1.crt" && return
    request "$1"
    openssl_quietly ca -batch -notext -config "$here/certificates.cnf" -extensions client -in "$1.csr" -out "$1.new"
    mv "$1.new" "$1.crt"
    say "certificate of $1 made, for a year"
}

broker() {
    names=DNS:broker,DNS:localhost,IP:127.0.0.1
    case ${BROKER_HOST:-} in
        "") ;;
        *[!0-9.]*) names=$names,DNS:$BROKER_HOST ;;
        *) names=$names,IP:$BROKER_HOST ;;
    esac
    is_good broker.crt && [ "$(cat broker.names 2>/dev/null)" = "$names" ] && return
    request broker -addext "subjectAltName=$names"
    openssl_quietly x509 -req -in broker.csr -CA ca.crt -CAkey ca.key -days 365 -extfile "$here/certificates.cnf" \
        -extensions broker -copy_extensions copy -out broker.new
    mv broker.new broker.crt
    echo "$names" >broker.names
    say "certificate of the broker made, for $names"
}

# One key for collector and worker, which may do anything in the store: there is nothing else in it.
store() {
    [ -s "$keys/store/identities.json" ] && return
    secret=$(openssl rand -hex 24)
    printf '[default]\naws_access_key_id = odograph\naws_secret_access_key = %s\n' "$secret" >"$scratch/credentials"
    printf '{"identities": [{"name": "odograph", "actions": ["Admin"], "credentials": [%s]}]}\n' \
        "{\"accessKey\": \"odograph\", \"secretKey\": \"$secret\"}" >"$scratch/identities.json"
    for file in credentials identities.json; do place "$scratch/$file" "$keys/store/$file"; done
    say "key of the object store made"
}

# To stderr, because mosquitto keeps what it writes to a pipe on stdout until it has 4 KiB of it.
rules() {
    : >"$scratch/users.toml"
    [ -e "$data/users.toml" ] && cat "$data/users.toml" >>"$scratch/users.toml"
    if has dev; then
        printf '\n[[user]]\nname = "simulator"\nrole = "gateway"\ntenant = "northwind"\n' >>"$scratch/users.toml"
    fi
    if ! odograph broker-config --out "$keys/broker" --installed-at "${BROKER_FOLDER:-/mosquitto/access}" \
        --state "${BROKER_STATE:-/mosquitto/data}" --log "${BROKER_LOG:-stderr}" \
        --group "$(stat -c %g "$keys/broker")" --users "$scratch/users.toml" --allow-no-registry >&2; then
        [ -s "$keys/broker/mosquitto.conf" ] || exit 1
        say "the broker keeps the rules it has"
    fi
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$keys/authority"
authority

case ${2:-fit} in
    *[!A-Za-z0-9._@-]* | [!A-Za-z0-9]*) say "not a name for a user: $2"; exit 2 ;;
esac
case ${1:-all}.$# in
    all.*)
        broker
        client "$collector"
        for file in ca.crt "$collector.crt" "$collector.key"; do place "$file" "$keys/collector/$file"; done
        if has dev; then
            client simulator
            for file in ca.crt simulator.crt simulator.key; do place "$file" "$keys/simulator/$file"; done
        fi
        for file in ca.crt broker.crt broker.key revoked.pem; do place "$file" "$keys/broker/$file"; done
        if [ -d "$keys/database" ] && ! [ -s "$keys/database/password" ]; then
            openssl rand -hex 24 | tr -d '\n' >"$scratch/password"
            place "$scratch/password" "$keys/database/password"
            say "password of the database made"
        fi
        if has s3 && [ -d "$keys/store" ]; then store; fi
        rules
        ;;
    certificate.2)
        client "$2"
        tar -c ca.crt "$2.crt" "$2.key"
        ;;
    revoke.2)
        openssl_quietly ca -config "$here/certificates.cnf" -revoke "$2.crt"
        openssl_quietly ca -config "$here/certificates.cnf" -gencrl -out revoked.new
        mv revoked.new revoked.pem
        mv "$2.crt" "$2.revoked.crt"
        place revoked.pem "$keys/broker/revoked.pem"
        say "revoked: $2; have the broker read it"
        ;;
    *)
        say "keys.sh [certificate NAME | revoke NAME]"
        exit 2
        ;;
esac
