# Sourced by common.sh: what this machine says of a participant's processes.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # what is set here is used there, and the other way round

# All can be looked at here.
ready() { :; }

# What composer knows on its own machine is an absolute path.
locate() {
    venv=$root/venvs/$python
    # One of the user's own.
    [[ $python != /* ]] || venv=$python
    [[ $kit == /* ]] || kit=$root/$kit
    [[ -z $local || $local == /* ]] || local=$root/$local
    environment+=(${private[@]+"${private[@]}"})
}

# Whether its virtual environment is whole, and where it was made: it knows where it lies, and cannot be moved. What one
# of the user's own has is looked at before a start alone (venv.sh).
installed() {
    if [[ $python == /* ]]; then
        [[ -x $venv/bin/python3 ]]
    else
        [[ -s $venv/.complete && $(<"$venv/.complete") == "$venv" ]]
    fi
}

# Sets $some_python to a Python that can look at processes: whichever is there, since the virtual environment that a
# participant is to have may not be made yet while it still runs on the former one.
find_python() {
    [[ -z ${some_python-} ]] || return 0
    for some_python in "$root"/venvs/*/bin/python3; do
        [[ ! -x $some_python ]] || return 0
    done
    some_python=$(command -v python3) || fail "there is no Python to look for the participants' processes with" "put a python3 on the PATH"
}

# Whether the participant's supervisor lives, and sets $supervisor to its pid.
supervised() {
    local said
    look_into "$workspace/composer.supervisor"
    supervisor=$said
    [[ $supervisor =~ ^[0-9]+$ && -d /proc/$supervisor ]] || return 1
    # A pid alone may be somebody else's by now.
    find_python
    "$some_python" -I -S "$lib/processes.py" alive "$workspace" "$supervisor"
}

# Takes away what tells that a participant runs.
forget_run() {
    local folder=$root/workspaces/$1
    [[ -d $folder ]] || return 0
    open_folder "$folder"
    discard "$folder"/composer.{state,pid,supervisor,restarts}
}

# Sets $state, $registered and $since, as composer status shows them.
observe() {
    local word
    state=absent registered=no
    read_state
    if supervised; then
        state=running
        [[ $word != restarting ]] || state=restarting
        [[ $word != registered ]] || registered=yes
        if [[ $type == server && $word == started ]] && serves; then registered=yes; fi
    elif [[ $word == stopped ]]; then
        state=stopped
    elif [[ -n $word ]]; then
        state=exited
    fi
}

serves() {
    PATH=$venv/bin:$PATH FLARE_WORKSPACE=$workspace bash "$lib/healthcheck.sh" server "$port" "$security" >/dev/null 2>&1
}

# Prints why the participant may not have registered. Name, port and TLS are tried from here; where they are well, the
# participant's own last words must do.
why() {
    local probed
    probed=$(PATH=$venv/bin:$PATH env ${enter[@]+"${enter[@]}"} python3 -I "$lib/reach.py" "$workspace/startup" "$type" "$dials" "$port" "$security" "$identity" 2>/dev/null) || true
    printf '%sits last line was: %s' "${probed:+$probed; }" "$(last_lines | last_of)"
}

# Jobs write to the same folder: it may be a link or a pipe by now.
has_console() { [[ -f $workspace/console.log && ! -L $workspace/console.log ]]; }

last_lines() { ! has_console || tail -n 20 -- "$workspace/console.log" 2>/dev/null; }

# Prints what it wrote, all of it or the last $lines, and goes on with what it writes where $follow says so.
show_log() {
    has_console || return 0
    exec tail ${follow:+-F} -n "${lines:-+1}" -- "$workspace/console.log" 2>/dev/null
}
