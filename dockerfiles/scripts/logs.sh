#!/usr/bin/env bash
# Prints what the participants here wrote, without bearer tokens:
#
#     logs.sh [-f] [-n LINES] [--since 'YYYY-MM-DD HH:MM:SS'] [NAME...]
#
# The time is compared with that in front of the lines; @SECONDS, since 1970, is that moment in this machine's own zone.
# shellcheck disable=SC2034,SC2154 # what lib/ knows of a participant
# A bundle is verified before anything of it runs; a deployment is composer's own, here or where it was delivered to.
here=$(dirname -- "${BASH_SOURCE[0]}")
[[ ! -e $here/lib/verify.sh && ! -e $here/SHA256SUMS ]] || grep -qs '  \.deployment$' "$here/SHA256SUMS" || bash "$here/lib/verify.sh" --quick || exit 1
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"

named() {
    local line time='^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}' early=$since
    while IFS= read -r line || [[ -n $line ]]; do
        if [[ -n $early ]]; then
            [[ $line =~ $time && ! $line < $since ]] || continue
            early=""
        fi
        redact
        printf '%s | %s\n' "$1" "$line"
    done
}

main() {
    local follow="" lines="" since="" names=() pids=() colour=""
    # composer passes on what it reads from here, to a terminal too.
    [[ ! -t 1 && -z ${LOGS_IN_COLOUR-} ]] || colour=yes
    while [[ $# -gt 0 ]]; do
        case $1 in
            -f) follow=yes ;;
            -n) lines=$2 && shift ;;
            --since) since=$2 && shift ;;
            -*) fail "$1 is no option" "logs.sh [-f] [-n LINES] [--since TIME] [NAME...]" ;;
            *) names+=("$1") ;;
        esac
        shift
    done
    [[ $since != @* ]] || since=$(date -d "$since" '+%Y-%m-%d %H:%M:%S')
    ready
    choose "server relay client" ${names[@]+"${names[@]}"}
    trap 'kill ${pids[@]+"${pids[@]}"} 2>/dev/null || true' EXIT
    for service in ${services[@]+"${services[@]}"}; do
        load "$service"
        if [[ -n $follow ]]; then
            show_log > >(foreign | named "$name") &
            pids+=("$!")
        else
            (show_log) | foreign | named "$name"
        fi
    done
    wait
}

main "$@"
