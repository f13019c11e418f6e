#!/bin/sh
# Lets the refresh read and move what districts have uploaded. As root, before each refresh.
#
# A client says which mode a new file or folder has, and sshd can only take rights away from that: a file of 0600 or a folder of
# 0755 would be closed to the account of the refresh. Each file is changed as the district itself, with no right of root's.
set -eu

LANDING=${ROLLCALL_LANDING:-/srv/rollcall/landing}
SERVICE=${ROLLCALL_SERVICE_ACCOUNT:-rollcall}

opened=
for folder in "$LANDING"/*/upload; do
    [ -d "$folder" ] && [ ! -L "$folder" ] || continue
    # A folder is opened before find enters it.
    opened="$opened$(
        setpriv --reuid="$(stat -c %u "$folder")" --regid="$(id -g "$SERVICE")" --clear-groups --no-new-privs \
            find "$folder" -mindepth 1 \
            \( -type d ! -perm -2770 -exec chmod u+rwx,g+rwxs {} \; -printf . \) -o \
            \( -type f ! -perm -0660 -exec chmod u+rw,g+rw {} \; -printf . \) || echo "$0: $folder: not all could be opened" >&2
    )"
done
# The refresh takes what nobody has touched for a while, and this has just touched it.
[ -z "$opened" ] || sleep "${ROLLCALL_SETTLE_SECONDS:-60}"
