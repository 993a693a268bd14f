#!/usr/bin/env bash
# Stops and removes the containers of the participants here, and nothing else: stop.sh [NAME...]
# Workspaces and the job store stay. Stopping what does not run is no error.
# shellcheck disable=SC2154 # what lib/ knows of a participant
# A bundle is verified before anything of it runs; a deployment is composer's own, on its own machine.
here=$(dirname -- "${BASH_SOURCE[0]}")
[[ ! -e $here/lib/verify.sh && ! -e $here/SHA256SUMS ]] || bash "$here/lib/verify.sh" --quick || exit 1
# shellcheck source-path=SCRIPTDIR source-path=SCRIPTDIR/../scripts source=lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"

main() {
    local id ids=()
    ready
    choose "server relay client" "$@"
    for service in "${services[@]}"; do
        load "$service"
        id=$(container_of)
        [[ -z $id ]] || ids+=("$id")
        say "$name is stopped"
    done
    if [[ ${#ids[@]} -gt 0 ]]; then
        docker stop "${ids[@]}" >/dev/null
        docker rm "${ids[@]}" >/dev/null
    fi
    # It stays as long as somebody else here is on it.
    [[ -z $network ]] || docker network rm "$network" >/dev/null 2>&1 || true
}

main "$@"
