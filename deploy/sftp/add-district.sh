#!/bin/sh
# Makes the account and the landing folder of a district, or puts them right. As root:
#   add-district.sh DISTRICT PUBLIC_KEY_FILE
# The district uploads to DISTRICT@this-host:/upload with that key. `rollcall purge --district` removes what it sent;
# `userdel DISTRICT; rm -r /etc/ssh/rollcall/DISTRICT /srv/rollcall/landing/DISTRICT` removes the account before that.
set -eu

LANDING=${ROLLCALL_LANDING:-/srv/rollcall/landing}
KEYS=${ROLLCALL_UPLOAD_KEYS:-/etc/ssh/rollcall}
GROUP=${ROLLCALL_UPLOAD_GROUP:-rollcall-upload}
SERVICE=${ROLLCALL_SERVICE_ACCOUNT:-rollcall}

[ $# -eq 2 ] || { echo "usage: $0 DISTRICT PUBLIC_KEY_FILE" >&2; exit 2; }
district=$1
key=$2
case $district in
    *[!a-z0-9_-]* | [!a-z]*) echo "$0: '$district': a district is named with a-z, 0-9, _ and -, a letter first" >&2; exit 2 ;;
esac
ssh-keygen -l -f "$key" >/dev/null || { echo "$0: $key holds no public key" >&2; exit 2; }

# The password '*' is none at all, and no lock either: sshd without PAM lets no locked account in, whatever its key.
getent group "$GROUP" >/dev/null || groupadd --system "$GROUP"
id "$district" >/dev/null 2>&1 || useradd --password '*' --no-create-home --gid "$GROUP" --home-dir / --shell /usr/sbin/nologin "$district"

# sshd asks that root alone can write to the chroot; district.toml lies there, out of the district's hands.
install -d -o root -g root -m 0755 "$LANDING" "$LANDING/$district" "$KEYS"
# The group bit hands every upload to the refresh, which takes it away from there.
install -d -o "$district" -g "$SERVICE" -m 2770 "$LANDING/$district/upload"
# What `rollcall members add` and `rollcall fetch` put there.
install -d -o "$SERVICE" -g "$SERVICE" -m 0750 "$LANDING/$district/_by_hand" "$LANDING/$district/_fetched"
install -o root -g root -m 0644 "$key" "$KEYS/$district"
echo "$district uploads to /upload; its settings go to $LANDING/$district/district.toml"
