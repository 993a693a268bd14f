#!/usr/bin/env bash
# Looks at this host before anything runs, and says what to do about what it finds: check.sh
# Status 0: all is well, or only warnings. 1: it could not start.
# shellcheck disable=SC2154 # what lib/ knows of a participant
# A bundle is verified before anything of it runs; a deployment is composer's own, here or where it was delivered to.
here=$(dirname -- "${BASH_SOURCE[0]}")
[[ ! -e $here/lib/verify.sh && ! -e $here/SHA256SUMS ]] || grep -qs '  \.deployment$' "$here/SHA256SUMS" || bash "$here/lib/verify.sh" || exit 1
# shellcheck source-path=SCRIPTDIR source-path=SCRIPTDIR/../scripts source=lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source-path=SCRIPTDIR source=lib/prepare.sh
source "$lib/prepare.sh"

warn() { say "warning: $1"; }

# The names of the others, and who answers there; from where the participant itself will look.
look_around() {
    local trouble
    mkdir -p -- "$workspace"
    enter_names || return 1
    trouble=$(${enter[@]+"${enter[@]}"} "$venv/bin/python3" -I "$lib/reach.py" "$kit/startup" "$type" "$dials" "$port" "$security" "$identity")
    [[ -z $trouble ]] || warn "$name: $trouble"
}

free_port() {
    "$venv/bin/python3" -I - "$port" <<'PYTHON' || warn "$name: port $port is taken by something else: see ss -ltnp"
import socket, sys

for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
    try:
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError:
        continue
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.bind((address, int(sys.argv[1])))
    listener.listen(1)
PYTHON
}

main() {
    need bash setsid sha256sum stat cp mv tail python3
    movable
    bash "$lib/venv.sh"
    choose "server relay client"
    for service in ${services[@]+"${services[@]}"}; do
        load "$service"
        if supervised; then
            say "$name runs"
        elif [[ $type == server ]]; then
            free_port
        else
            look_around
        fi
    done
    say "checked: ${services[*]-}"
}

main "$@"
