#!/usr/bin/env bash
# Starts the participants here that do not run yet and waits until they are registered:
#
#     start.sh [--no-wait] [--timeout SECONDS] [NAME...]
#
# Those who run from something else than there is now, a kit or settings that have changed since, are started anew.
# Status 0: all of them are registered (or started, with --no-wait). 1: it could not start them. 3: they run, but
# somebody has not registered in time; what was started goes on trying.
# shellcheck disable=SC2154 # what lib/ knows of a participant
# A bundle is verified before anything of it runs; a deployment is composer's own, here or where it was delivered to.
here=$(dirname -- "${BASH_SOURCE[0]}")
[[ ! -e $here/lib/verify.sh && ! -e $here/SHA256SUMS ]] || grep -qs '  \.deployment$' "$here/SHA256SUMS" || bash "$here/lib/verify.sh" || exit 1
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source-path=SCRIPTDIR source-path=SCRIPTDIR/../metal source=lib/launch.sh
source "$lib/launch.sh"

wait_for() {
    local deadline=$((SECONDS + timeout)) missing=(${services[@]+"${services[@]}"}) left
    while true; do
        left=()
        for service in "${missing[@]}"; do
            load "$service"
            observe
            [[ $registered == yes ]] || left+=("$service")
        done
        missing=(${left[@]+"${left[@]}"})
        [[ ${#missing[@]} -gt 0 ]] || return 0
        ((SECONDS < deadline)) || break
        sleep 0.2
    done
    for service in "${missing[@]}"; do
        load "$service"
        observe
        say "error: $name has not registered after $timeout s ($state); $(why)"
    done
    say " hint: read more with ./logs.sh; what was started goes on trying"
    exit 3
}

# After an upgrade all are stopped: also those who are not in the bundle any more, or run on its former scripts.
stop_upgraded() {
    [[ -e $root/workspaces/.upgraded ]] || return 0
    bash "$root/stop.sh"
    rm -f -- "$root/workspaces/.upgraded"
}

main() {
    local wait=yes timeout=120 keep_former="" again="" names=()
    while [[ $# -gt 0 ]]; do
        case $1 in
            --no-wait) wait="" ;;
            --timeout) timeout=$2 && shift ;;
            # For composer, which takes back what it has started where that fails: keeps what the replaced ran from.
            --keep-former) keep_former=yes ;;
            --bring-back) again=yes ;;
            -*) fail "$1 is no option" "start.sh [--no-wait] [--timeout SECONDS] [NAME...]" ;;
            *) names+=("$1") ;;
        esac
        shift
    done
    if [[ -n $again ]]; then
        bring_back ${names[@]+"${names[@]}"}
        return
    fi
    ready
    choose "server relay client" ${names[@]+"${names[@]}"}
    [[ ${#services[@]} -gt 0 ]] || stop_upgraded
    [[ ${#services[@]} -gt 0 ]] || fail "nobody here is to be started" "an administrator uses ./admin.sh"
    install
    stop_upgraded
    launch
    [[ -n $wait ]] || return 0
    wait_for
    say "registered: ${services[*]}"
}

main "$@"
