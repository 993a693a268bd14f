#!/usr/bin/env bash
# Starts the participants here that do not run yet and waits until they are registered:
#
#     start.sh [--no-wait] [--timeout SECONDS] [NAME...]
#
# Status 0: all of them are registered (or started, with --no-wait). 1: it could not start them. 3: they run, but
# somebody has not registered in time; what was started goes on trying.
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source-path=SCRIPTDIR source=lib/prepare.sh
source "$lib/prepare.sh"

launch() {
    local variables=("PATH=$venv/bin:$PATH" "FLARE_WORKSPACE=$workspace" "FLARE_SUPERVISE=$lib" "NO_PROXY=$no_proxy" "no_proxy=$no_proxy")
    # NVFLARE's way to say it; else large values of all users' jobs meet in /tmp/nvflare.
    variables+=("NVFLARE_DATUM_DIR=$workspace/datums")
    prepare
    enter_names || exit 1
    rm -f -- "$workspace"/composer.{state,pid,restarts}
    cd -- "$workspace"
    # In a session of its own and without a terminal: it outlives the shell that started it.
    env -u PYTHONPATH -u PYTHONHOME "${variables[@]}" "${environment[@]}" setsid "${enter[@]}" \
        bash "$lib/entrypoint.sh" "$type" "$module" -m "$workspace" -s "$config" ${settings[@]+--set "${settings[@]}"} \
        </dev/null >>console.log 2>&1 9>&- &
    printf '%s\n' "$!" >composer.supervisor
    cd -- "$root"
}

wait_for() {
    local deadline=$((SECONDS + timeout)) missing=("${services[@]}") left
    while true; do
        left=()
        for service in "${missing[@]}"; do
            load "$service"
            observe
            [[ $registered == yes ]] || left+=("$service")
        done
        missing=("${left[@]}")
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

# Name, port and TLS are tried from here; where they are well, the participant's own last words must do.
why() {
    local probed
    probed=$(PATH=$venv/bin:$PATH "${enter[@]}" python3 -I "$lib/reach.py" "$workspace/startup" "$type" "$dials" "$port" "$security" "$identity" 2>/dev/null) || true
    printf '%s' "${probed:+$probed; }its last line was: $(last_words)"
}

main() {
    local wait=yes timeout=120 names=()
    while [[ $# -gt 0 ]]; do
        case $1 in
            --no-wait) wait="" ;;
            --timeout) timeout=$2 && shift ;;
            -*) fail "$1 is no option" "start.sh [--no-wait] [--timeout SECONDS] [NAME...]" ;;
            *) names+=("$1") ;;
        esac
        shift
    done
    need setsid
    movable
    [[ ! -e $root/SHA256SUMS ]] || bash "$lib/verify.sh"
    bash "$lib/venv.sh"
    if [[ -e $root/workspaces/.upgraded ]]; then
        bash "$root/stop.sh"
        rm -f -- "$root/workspaces/.upgraded"
    fi
    choose "server relay client" ${names[@]+"${names[@]}"}
    [[ ${#services[@]} -gt 0 ]] || fail "nobody here is to be started" "an administrator uses ./admin.sh"
    begin
    for service in "${services[@]}"; do
        load "$service"
        if [[ $running == *$'\n'"$workspace"$'\n'* ]]; then
            say "$name runs already"
        else
            say "starting $name"
            launch
        fi
    done
    exec 9>&-
    [[ -n $wait ]] || return 0
    wait_for
    say "registered: ${services[*]}"
}

# Sets $running to the workspaces of those who run, a line each. Two starts at once would start everybody twice; and
# what is left over from a supervisor that was killed would hold the port and the name.
begin() {
    local workspaces=()
    mkdir -p -- "$root/workspaces"
    exec 9>"$root/workspaces/.lock"
    for service in "${services[@]}"; do
        load "$service"
        workspaces+=("$workspace")
    done
    running=$'\n'$("$venv/bin/python3" -I -S "$lib/processes.py" begin 9 "${workspaces[@]}")$'\n'
}

main "$@"
