# Sourced after common.sh: installs what the participants run on, and starts their supervisors.
# shellcheck shell=bash
# shellcheck disable=SC2154 # what is set there is used here

# shellcheck source-path=SCRIPTDIR source=prepare.sh
source "$lib/prepare.sh"

started=$root/workspaces/.started
former=$root/workspaces/.former

install() {
    need setsid
    movable
    for service in ${services[@]+"${services[@]}"}; do
        load "$service"
        # To start another bash takes longer than to look.
        { installed && [[ $python != /* ]]; } || { bash "$lib/venv.sh" && return; }
    done
}

# Starts those who do not run, and starts those anew who run from something else than there is now.
launch() {
    local states=() reasons=() parts=() changed=() at
    rm -rf -- "$former"
    begin
    end_former
    for at in "${!services[@]}"; do
        load "${services[at]}"
        [[ ${states[at]} != changed ]] || { say "restarting $name: ${reasons[at]}" && changed+=("$service"); }
    done
    [[ ${#changed[@]} -eq 0 ]] || end_and_keep "${changed[@]}"
    for at in "${!services[@]}"; do
        load "${services[at]}"
        if [[ ${states[at]} == running ]]; then
            say "$name runs already"
        else
            say "starting $name"
            prepare
            start "${parts[at]}"
        fi
    done
    exec 9>&-
}

# Sets $states, $reasons and $parts of all $services. Two starts at once would start everybody twice; and what is left
# over from a supervisor that was killed would hold the port and the name.
begin() {
    local participants=() state reason part
    mkdir -p -- "$root/workspaces"
    exec 9>"$root/workspaces/.lock"
    for service in ${services[@]+"${services[@]}"}; do
        load "$service"
        participants+=("$service" "$kit" "$local" "$python")
    done
    while IFS=$'\x1f' read -r state reason part; do
        states+=("$state") reasons+=("$reason") parts+=("$part")
    done < <("$venv/bin/python3" -I -S "$lib/processes.py" begin 9 "$root" ${participants[@]+"${participants[@]}"})
    [[ ${#states[@]} -eq ${#services[@]} ]] || fail "it cannot be seen who runs here" "see what Python says above"
}

# Ends those who run and are not among the participants any more, unless it was said who is to be started.
end_former() {
    local folder gone=()
    [[ ${#names[@]} -eq 0 ]] || return 0
    for folder in "$root"/workspaces/*/; do
        service=$(basename -- "$folder")
        [[ ! -d $folder ]] || open_folder "$folder"
        [[ -e $folder/composer.supervisor && ! -e $root/participants/$service.conf ]] || continue
        say "stopping $(LC_ALL=C printf %q "$service"): it is not among the participants any more"
        gone+=("$service")
    done
    [[ ${#gone[@]} -eq 0 ]] || end_and_keep "${gone[@]}"
}

# Ends participants. What they ran from is kept for bring_back where the caller will want that.
end_and_keep() {
    local part
    find_python
    for service in "$@"; do
        [[ -n ${keep_former-} && -e $started/$service/parts ]] || continue
        mkdir -p -- "$former/$service"
        cp -- "$started/$service"/{parts,conf} "$former/$service/"
        [[ ! -e $started/$service/private ]] || cp -- "$started/$service/private" "$former/$service/"
    done
    "$some_python" -I -S "$lib/processes.py" stop "$root/workspaces" "$@"
    for service in "$@"; do
        forget_run "$service"
        [[ -e $former/$service/conf ]] || continue
        for part in startup local; do
            [[ -d $root/workspaces/$service/$part ]] || continue
            # Not even its owner can move a folder that is closed.
            open_folder "$root/workspaces/$service/$part"
            mv -- "$root/workspaces/$service/$part" "$former/$service/"
        done
    done
}

# Starts those whom the last start has ended or replaced as they ran before, as far as that is still there.
bring_back() {
    local lost="" part
    exec 9>"$root/workspaces/.lock"
    find_python
    for service in "$@"; do
        "$some_python" -I -S "$lib/processes.py" stop "$root/workspaces" "$service"
        # shellcheck source=/dev/null
        source "$former/$service/conf"
        # shellcheck disable=SC2034 # locate uses it
        private=()
        # shellcheck source=/dev/null
        [[ ! -e $former/$service/private ]] || source "$former/$service/private"
        workspace=$root/workspaces/$service
        locate
        if ! installed; then
            say "error: $name cannot be started as it ran before: its Python environment is gone"
            lost=yes
            continue
        fi
        for part in startup local; do
            [[ -d $former/$service/$part ]] || continue
            discard "${workspace:?}/$part"
            mv -- "$former/$service/$part" "$workspace/"
        done
        start "$(<"$former/$service/parts")" "$former/$service/conf" "$former/$service/private"
        say "$name runs as before"
    done
    exec 9>&-
    [[ -z $lost ]] || { say " hint: start it as it is to be now: ./start.sh" && exit 1; }
}

# Starts the participant that is loaded, in the workspace as it is now, and keeps what it was started from.
start() {
    local now=$1 conf=${2:-$root/participants/$service.conf} secret=${3:-$root/private/$service.conf} clean
    keep_environment ""
    # NVFLARE_DATUM_DIR is NVFLARE's way to say it; else large values of all users' jobs meet in /tmp/nvflare.
    clean+=("PATH=$venv/bin:$PATH" "FLARE_WORKSPACE=$workspace" "FLARE_SUPERVISE=$lib" "NO_PROXY=$no_proxy" "no_proxy=$no_proxy"
        "NVFLARE_DATUM_DIR=$workspace/datums" ${environment[@]+"${environment[@]}"})
    open_folder "$workspace"
    enter_names || exit 1
    discard "$workspace"/composer.{state,pid,restarts}
    own "$workspace"/{console.log,composer.supervisor}
    cd -- "$workspace" || exit
    # In a session of its own and without a terminal: it outlives the shell that started it.
    "${clean[@]}" setsid ${enter[@]+"${enter[@]}"} \
        bash "$lib/entrypoint.sh" "$type" "$module" -m "$workspace" -s "$config" ${settings[@]+--set "${settings[@]}"} \
        </dev/null >>console.log 2>&1 9>&- &
    printf '%s\n' "$!" >composer.supervisor
    cd -- "$root" || exit
    mkdir -p -- "$started/$service"
    cp -- "$conf" "$started/$service/conf"
    rm -f -- "$started/$service/private"
    [[ ! -e $secret ]] || cp -- "$secret" "$started/$service/private"
    printf '%s\n' "$now" >"$started/$service/parts"
}
