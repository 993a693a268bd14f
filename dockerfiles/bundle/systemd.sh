#!/usr/bin/env bash
# Prints a systemd unit that starts this bundle at boot and stops it at shutdown:
#
#     systemd.sh              for the user manager (systemctl --user)
#     systemd.sh --system     for the system manager; it runs as the user who owns this folder
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
# systemd's own quoting of a path: systemd.syntax(7), and % is a specifier.
quoted=${root//\\/\\\\}
quoted=\"${quoted//%/%%}\"
target=default.target
user=""
if [[ ${1-} == --system ]]; then
    target=multi-user.target
    user=User=$(stat -c %U -- "$root")
fi

cat <<UNIT
[Unit]
Description=NVIDIA FLARE: $(basename -- "$root")
After=network-online.target docker.service
Wants=network-online.target

[Service]
Type=oneshot
RemainAfterExit=yes
${user:+$user
}ExecStart=/usr/bin/env bash ${quoted%\"}/start.sh" --no-wait
ExecStop=/usr/bin/env bash ${quoted%\"}/stop.sh"
TimeoutStartSec=600

[Install]
WantedBy=$target
UNIT
