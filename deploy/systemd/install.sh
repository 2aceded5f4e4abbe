#!/bin/sh
# The line as services of systemd, beside the distribution's mosquitto: run as root in a checkout, again after each update.
#
#   deploy/systemd/install.sh                     # program, user, folders, units, keys; starts nothing
#   BROKER_HOST=mqtt.example.com deploy/systemd/install.sh
#
# With SKIP_PROGRAM=1 /opt/odograph stays as it is. docs/deployment.md says what is where.
set -eu
cd "$(dirname "$0")/../.."

[ "$(id -u)" = 0 ] || { echo "run this as root" >&2; exit 1; }
for program in systemctl mosquitto openssl python3; do
    command -v "$program" >/dev/null || [ -x "/usr/sbin/$program" ] ||
        { echo "$program is missing: apt-get install systemd mosquitto openssl python3-venv libgomp1" >&2; exit 1; }
done

if [ -z "${SKIP_PROGRAM:-}" ]; then
    echo "program: /opt/odograph, some minutes"
    python3 -m venv /opt/odograph
    /opt/odograph/bin/pip install --quiet --require-hashes --requirement deploy/requirements.lock
    /opt/odograph/bin/pip install --quiet --no-index --no-deps --no-build-isolation --force-reinstall .
    (cd / && /opt/odograph/bin/python -m flows.warming)
fi

install -D -m 644 deploy/systemd/sysusers.conf /etc/sysusers.d/odograph.conf
systemd-sysusers /etc/sysusers.d/odograph.conf
install -D -m 644 deploy/systemd/tmpfiles.conf /etc/tmpfiles.d/odograph.conf
systemd-tmpfiles --create /etc/tmpfiles.d/odograph.conf
[ -e /etc/odograph/odograph.env ] || install -m 640 -g odograph deploy/systemd/odograph.env /etc/odograph/odograph.env
install -m 755 deploy/systemd/odograph /usr/local/sbin/odograph
install -m 644 deploy/systemd/odograph-*.service deploy/systemd/odograph-*.timer /etc/systemd/system
for folder in odograph-.service.d mosquitto.service.d; do
    mkdir -p "/etc/systemd/system/$folder"
    install -m 644 "deploy/systemd/$folder"/*.conf "/etc/systemd/system/$folder"
done

KEYS=/etc/odograph ODOGRAPH_DATA_DIR=/var/lib/odograph BROKER_FOLDER=/etc/odograph/broker \
    BROKER_STATE=/var/lib/mosquitto BROKER_LOG=/var/log/mosquitto/mosquitto.log \
    PATH="/opt/odograph/bin:$PATH" sh deploy/keys.sh

systemctl daemon-reload
services="mosquitto odograph-collector odograph-worker odograph-backup.timer"
systemctl enable --quiet $services
echo "by hand:  odograph status"
echo "settings: /etc/odograph/odograph.env"
echo "start, also after an update:          systemctl restart $services"
echo "after devices came or went, and this: systemctl reload mosquitto"
