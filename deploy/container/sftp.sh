#!/bin/sh
# One account for each public key in /districts (oakdale.pub lets oakdale upload), then the server. A new key counts after a restart.
set -eu

# The host keys stay the same when the container does not: districts check them.
for kind in ed25519 rsa; do
    key=/etc/ssh/keys/ssh_host_${kind}_key
    [ -f "$key" ] || ssh-keygen -q -t "$kind" -N '' -f "$key"
    echo "HostKey $key"
done >/etc/ssh/sshd_config.d/host_keys.conf

for file in /districts/*.pub; do
    [ -e "$file" ] || { echo "there is no key in /districts: nobody can upload yet" >&2; break; }
    /opt/rollcall/deploy/sftp/add-district.sh "$(basename "$file" .pub)" "$file"
done

# What arrives closed is opened to the refresh, which runs in another container.
while :; do
    /opt/rollcall/deploy/sftp/open-uploads.sh || true
    sleep 60
done &

exec /usr/sbin/sshd -D -e
