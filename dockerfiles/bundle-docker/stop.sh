#!/usr/bin/env bash
# Stops and removes the containers of the participants here, and nothing else: stop.sh [NAME...]
# Workspaces and the job store stay. Stopping what does not run is no error.
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"

main() {
    local id ids=()
    need_engine
    choose "server relay client" "$@"
    for service in "${services[@]}"; do
        load "$service"
        id=$(container_of)
        [[ -z $id ]] || ids+=("$id")
        say "$name is stopped"
    done
    [[ ${#ids[@]} -gt 0 ]] || return 0
    docker stop "${ids[@]}" >/dev/null
    docker rm "${ids[@]}" >/dev/null
}

main "$@"
