#!/usr/bin/env bash
# Prints what the participants here wrote: logs.sh [-f] [-n LINES] [NAME...]
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"

named() {
    local line
    while IFS= read -r line; do
        printf '%s | %s\n' "$1" "$line"
    done
}

main() {
    local options=() names=() pids=() id
    while [[ $# -gt 0 ]]; do
        case $1 in
            -f) options+=(--follow) ;;
            -n) options+=(--tail "$2") && shift ;;
            -*) fail "$1 is no option" "logs.sh [-f] [-n LINES] [NAME...]" ;;
            *) names+=("$1") ;;
        esac
        shift
    done
    need_engine
    choose "server relay client" ${names[@]+"${names[@]}"}
    trap 'kill ${pids[@]+"${pids[@]}"} 2>/dev/null || true' EXIT
    for service in "${services[@]}"; do
        load "$service"
        id=$(container_of)
        [[ -n $id ]] || continue
        docker logs ${options[@]+"${options[@]}"} "$id" > >(named "$name") 2>&1 &
        pids+=("$!")
    done
    wait
}

main "$@"
