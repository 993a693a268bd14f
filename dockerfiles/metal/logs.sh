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
    local follow=() lines=+1 names=() pids=()
    while [[ $# -gt 0 ]]; do
        case $1 in
            -f) follow=(-F) ;;
            -n) lines=$2 && shift ;;
            -*) fail "$1 is no option" "logs.sh [-f] [-n LINES] [NAME...]" ;;
            *) names+=("$1") ;;
        esac
        shift
    done
    choose "server relay client" ${names[@]+"${names[@]}"}
    trap 'kill ${pids[@]+"${pids[@]}"} 2>/dev/null || true' EXIT
    for service in "${services[@]}"; do
        load "$service"
        [[ -e $workspace/console.log ]] || continue
        if [[ ${#follow[@]} -gt 0 ]]; then
            tail -F -n "$lines" -- "$workspace/console.log" > >(named "$name") 2>/dev/null &
            pids+=("$!")
        else
            tail -n "$lines" -- "$workspace/console.log" | named "$name"
        fi
    done
    wait
}

main "$@"
