#!/usr/bin/env bash
# Stops the participants here, with all processes that they started, and nothing else: stop.sh [NAME...]
# Workspaces and the job store stay. Stopping what does not run is no error.
# shellcheck disable=SC2154 # what lib/ knows of a participant
# A bundle is verified before anything of it runs; a deployment is composer's own, on its own machine.
here=$(dirname -- "${BASH_SOURCE[0]}")
[[ ! -e $here/lib/verify.sh && ! -e $here/SHA256SUMS ]] || bash "$here/lib/verify.sh" --quick || exit 1
# shellcheck source-path=SCRIPTDIR source-path=SCRIPTDIR/../scripts source=lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"

main() {
    local pids=()
    choose "server relay client" "$@"
    for service in "${services[@]}"; do
        load "$service"
        [[ -d $workspace && -x $venv/bin/python3 ]] || continue
        if supervised; then
            kill -TERM "$supervisor" && pids+=("$supervisor")
        fi
    done
    await ${pids[@]+"${pids[@]}"}
    for service in "${services[@]}"; do
        load "$service"
        [[ -d $workspace && -x $venv/bin/python3 ]] || continue
        "$venv/bin/python3" -I -S "$lib/processes.py" end "$workspace"
        rm -f -- "$workspace"/composer.{state,pid,supervisor,restarts}
        say "$name is stopped"
    done
}

# Those who take longer are killed by the caller.
await() {
    local pid deadline=$((SECONDS + 10))
    for pid in "$@"; do
        while lives "$pid" && ((SECONDS < deadline)); do
            sleep 0.02
        done
    done
}

# A zombie is dead: it only waits for this machine's first process to take notice.
lives() {
    local state
    { read -r _ _ state _ <"/proc/$1/stat"; } 2>/dev/null && [[ $state != Z ]]
}

main "$@"
