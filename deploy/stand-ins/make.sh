#!/bin/sh
# Images under the names that Dockerfile and docker-compose.yml take from a registry, made from Debian's packages.
#
#   deploy/stand-ins/make.sh            # as root, where no registry answers and deb.debian.org does
#
# They prove our files and not those images; docs/deployment.md says so wherever it quotes what was run with them.
set -eu
cd "$(dirname "$0")"

command -v debootstrap >/dev/null || { echo "debootstrap is missing: apt-get install debootstrap" >&2; exit 1; }
docker info >/dev/null 2>&1 || { echo "no docker daemon answers" >&2; exit 1; }

name_of() { sed -n "s/^# Stands in for \([^ ]*\).*/\1/p" "$1/Dockerfile"; }

if ! docker image inspect odograph-stand-in/debian >/dev/null 2>&1; then
    root=$(mktemp -d)
    trap 'rm -rf "$root"' EXIT
    debootstrap --variant=minbase --include=ca-certificates bookworm "$root/debian" >"$root/log" 2>&1 ||
        { tail -n 20 "$root/log" >&2; exit 1; }
    # Where a company's proxy signs what comes through it, this machine's authorities are the ones that count.
    cp /etc/ssl/certs/ca-certificates.crt "$root/debian/etc/ssl/certs/ca-certificates.crt"
    rm -rf "$root/debian/var/cache/apt/archives" "$root/debian/var/lib/apt/lists"
    tar -C "$root/debian" -c . | docker import - odograph-stand-in/debian >/dev/null
fi
for image in ${*:-python mosquitto postgres store}; do
    echo "$(name_of "$image"), from deploy/stand-ins/$image"
    docker build --quiet --tag "$(name_of "$image")" "$image" >/dev/null
done
