# Sourced after common.sh: installs what the participants run on, and starts their supervisors.
# shellcheck shell=bash
# shellcheck disable=SC2154 # what is set there is used here

# shellcheck source-path=SCRIPTDIR source=prepare.sh
source "$lib/prepare.sh"

install() {
    need setsid
    movable
    for service in "${services[@]}"; do
        load "$service"
        # To start another bash takes longer than to look.
        installed || { bash "$lib/venv.sh" && return; }
    done
}

# Starts those who do not run.
launch() {
    local running
    begin
    for service in "${services[@]}"; do
        load "$service"
        if [[ $running == *$'\n'"$workspace"$'\n'* ]]; then
            say "$name runs already"
        else
            say "starting $name"
            start
        fi
    done
    exec 9>&-
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

start() {
    local variables=("PATH=$venv/bin:$PATH" "FLARE_WORKSPACE=$workspace" "FLARE_SUPERVISE=$lib" "NO_PROXY=$no_proxy" "no_proxy=$no_proxy")
    # NVFLARE's way to say it; else large values of all users' jobs meet in /tmp/nvflare.
    variables+=("NVFLARE_DATUM_DIR=$workspace/datums")
    prepare
    enter_names || exit 1
    rm -f -- "$workspace"/composer.{state,pid,restarts}
    cd -- "$workspace" || exit
    # In a session of its own and without a terminal: it outlives the shell that started it.
    env -u PYTHONPATH -u PYTHONHOME "${variables[@]}" "${environment[@]}" setsid "${enter[@]}" \
        bash "$lib/entrypoint.sh" "$type" "$module" -m "$workspace" -s "$config" ${settings[@]+--set "${settings[@]}"} \
        </dev/null >>console.log 2>&1 9>&- &
    printf '%s\n' "$!" >composer.supervisor
    cd -- "$root" || exit
}
