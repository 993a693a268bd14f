#!/bin/sh
# Run on a host by composer: says who we are there, what its clock and disk say, and what was delivered before.
#
#     look.sh ROOT      ROOT: the federation's folder, which need not be there
set -u
root=$1
for tool in docker tar sha256sum; do
    command -v "$tool" >/dev/null || {
        echo "there is no $tool for $(id -un): install it, or put it on the PATH of commands that run over SSH" >&2
        exit 3
    }
done
place=$root
while [ ! -d "$place" ]; do place=$(dirname -- "$place"); done
[ -w "$place" ] || {
    echo "$(id -un) may not write in $place: make $root and give it to $(id -un)" >&2
    exit 3
}
printf 'user %s %s\n' "$(id -u)" "$(id -g)"
printf 'clock %s\n' "$(date +%s)"
# Column 4 of /proc/net/tcp is the state: 0A is listening.
sed -n 's/^ *[0-9]*: \([0-9A-F:]*\) [0-9A-F:]* 0A .*/listens \1/p' /proc/net/tcp /proc/net/tcp6 2>/dev/null
[ -d "$root" ] || exit 0
cd -- "$root" || exit 3
[ ! -f SHA256SUMS ] || sed 's/^/recorded /' SHA256SUMS
# Only where composer delivers: what the host has beside it may be large. Nothing with such a name is delivered.
find ./kits ./local ./.deployment ./.env ./docker-compose.yml ./compose.override.yml -type f ! -path '*[\\
]*' -exec sha256sum {} + 2>/dev/null | sed 's/^/found /'
