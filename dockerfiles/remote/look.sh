#!/bin/sh
# Run on a host by composer: says who we are there, what its clock and disk say, and what was delivered before.
#
#     look.sh ROOT RUNTIME      ROOT: the federation's folder, which need not be there
set -u
root=$1
case $2 in
    docker) needs=docker ;;
    *) needs='bash python3' ;;
esac
for tool in $needs tar sha256sum; do
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
# Who runs here in the other way, and would not be stopped by what is about to start.
case $2 in
    docker)
        for file in workspaces/*/composer.supervisor; do
            workspace=$(pwd -P)/${file%/*}
            [ -f "$file" ] && [ ! -L "$file" ] || continue
            pid=$(head -c 10 "$file" | tr -cd 0-9)
            tr '\0' '\n' <"/proc/${pid:-none}/environ" 2>/dev/null | grep -qxF "FLARE_WORKSPACE=$workspace" || continue
            echo "otherwise $(basename -- "$workspace")"
        done
        ;;
    *)
        [ ! -f docker-compose.yml ] || ! command -v docker >/dev/null ||
            docker ps --filter "label=com.docker.compose.project=$(basename -- "$root")" --format 'otherwise {{.Names}}'
        ;;
esac
# Only where composer delivers: what the host has beside it may be large. Nothing with such a name is delivered.
find ./kits ./local ./lib ./participants ./private ./python ./*.sh ./.deployment ./.env ./docker-compose.yml ./compose.override.yml -type f ! -path '*[\\
]*' -exec sha256sum {} + 2>/dev/null | sed 's/^/found /'
