#!/usr/bin/env bash
# Stops the participants here, with all processes that they started, and nothing else: stop.sh [--keep-former] [NAME...]
# Those that are not among participants/ any more are stopped, too, unless some are named.
# Workspaces and the job store stay. Stopping what does not run is no error; status 1: somebody could not be stopped.
# shellcheck disable=SC2154 # what lib/ knows of a participant
# A bundle is verified before anything of it runs; a deployment is composer's own, here or where it was delivered to.
here=$(dirname -- "${BASH_SOURCE[0]}")
[[ ! -e $here/lib/verify.sh && ! -e $here/SHA256SUMS ]] || grep -qs '  \.deployment$' "$here/SHA256SUMS" || bash "$here/lib/verify.sh" --quick || exit 1
# shellcheck source-path=SCRIPTDIR source-path=SCRIPTDIR/../scripts source=lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"

main() {
    local stopped=() kept=() folder keep_former=""
    # For composer, which brings them back where what comes in their place fails.
    [[ ${1-} != --keep-former ]] || { keep_former=yes && shift; }
    if [[ $# -gt 0 ]]; then
        named "$@"
    else
        for folder in "$root"/workspaces/*/; do
            [[ ! -d $folder ]] || stopped+=("$(basename -- "$folder")")
        done
    fi
    if [[ -n $keep_former ]]; then
        # shellcheck source-path=SCRIPTDIR source=lib/launch.sh
        source "$lib/launch.sh"
        end_and_keep ${stopped[@]+"${stopped[@]}"}
        return
    fi
    find_python
    "$some_python" -I -S "$lib/processes.py" stop "$root/workspaces" ${1+"${stopped[@]}"}
    for service in ${stopped[@]+"${stopped[@]}"}; do
        # It does not run any more, whether that can be written down or not: a disk that has failed is read-only.
        forget_run "$service" 2>/dev/null || true
        [[ ! -e $root/workspaces/$service/composer.supervisor ]] || kept+=("$service")
        say "$service is stopped"
    done
    [[ ${#kept[@]} -eq 0 ]] || say "warning: nothing can be written in $root/workspaces, where ${kept[*]} will be told to have ended without being stopped"
}

# Sets $stopped to the services of those named: participants, or workspaces of former ones.
named() {
    local wanted
    for wanted in "$@"; do
        if [[ $wanted != */* && ! -e $root/participants/$wanted.conf && -d $root/workspaces/$wanted ]]; then
            stopped+=("$wanted")
        else
            choose "server relay client" "$wanted"
            stopped+=(${services[@]+"${services[@]}"})
        fi
    done
}

main "$@"
