#!/usr/bin/env bash
# Runs one participant of an NVIDIA FLARE federation as the sub_start.sh of its kit would:
#
#     entrypoint.sh TYPE MODULE ARGUMENTS...      TYPE: server, client or relay
#     entrypoint.sh COMMAND ARGUMENTS...          anything else is simply executed
#
# When an administrator asks for a restart, the participant is started again here. When one asks for a
# shutdown, this ends with 0 and stays ended. Any other end is an error, whatever NVFLARE's own status was,
# so that Docker's on-failure policy brings the participant back after a crash as after a reboot. Where there
# is nobody to do that ($FLARE_SUPERVISE is set, on bare metal), this starts it again itself, later and later,
# and ends the job processes, which Docker would end with the container.
#
# $FLARE_WORKSPACE/composer.state tells others how far it is: "started TIME", "registered TIME" or
# "stopped TIME" (an administrator's shutdown), on bare metal also "restarting TIME" (after a crash);
# composer.pid is the participant's process.
set -uo pipefail

case ${1-} in
    server | relay | client) ;;
    *) exec "$@" ;;
esac

type=$1
shift
workspace=${FLARE_WORKSPACE:-/workspace}
log=$workspace/log.txt
supervise=${FLARE_SUPERVISE-}
python=""
stopping=""
crashes=0

# Deletes what a job may have made. A folder that it has closed can be emptied only when its owner has opened it again; a
# link is deleted, and not what it leads to.
discard() {
    local path
    for path in "$@"; do
        rm -rf -- "$path" 2>/dev/null && continue
        [[ ! -d $path || -L $path ]] || chmod -R u+rwX -- "$path"
        rm -rf -- "$path"
    done
}

# Makes sure of a folder that a job may have closed, or replaced by something else.
own_folder() {
    [[ -d $1 && ! -L $1 ]] || discard "$1"
    open_folder "$1"
}

# The workspace itself no job can replace: where it is a link, it is the operator's own.
open_folder() {
    mkdir -p -- "$1"
    [[ -r $1 && -w $1 && -x $1 ]] || chmod u+rwx -- "$1"
}

# Jobs write to the workspace as well. What is no regular file under a name that is written to goes: a pipe would be
# waited for, and what a link leads to would be written.
own() {
    local path
    for path in "$@"; do
        [[ -e $path || -L $path ]] || continue
        if [[ -f $path && ! -L $path ]]; then
            [[ -r $path && -w $path ]] || chmod u+rw -- "$path"
            continue
        fi
        LC_ALL=C printf 'composer: removing %q, which a job has put in place of a file\n' "${path##*/}" >&2
        discard "$path"
    done
}

# Makes sure of what NVFLARE itself opens in the workspace, of whatever release: 2.6 and 2.7 have another name for the log
# of errors. Over a folder it cannot rotate a log.
own_logs() {
    local file
    for file in log.txt log.json log_fl.txt error_log.txt log_error.txt; do
        own "$workspace/$file" "$workspace/$file".[0-9]*
    done
    # A server keeps the clients that are disabled, and does not start over what it cannot read.
    own "$workspace"/{audit.log,disabled_clients.json}
    # Deleted at the start, which fails over a folder, and written at the end, through a link, too.
    discard "$workspace/_process_rc.txt"
    # For large values; a container has a place of its own.
    [[ ${NVFLARE_DATUM_DIR-} != "$workspace"/* ]] || own_folder "$NVFLARE_DATUM_DIR"
}

# Fails where nothing can be written.
state() {
    local line file=$workspace/composer.state
    TZ=UTC0 printf -v line '%s %(%Y-%m-%dT%H:%M:%SZ)T' "$1" -1
    own "$workspace"/{.composer.state,composer.state}
    # Others read the file at any moment: it is replaced, and not written over.
    printf '%s\n' "$line" >"$workspace/.composer.state" && mv -f "$workspace/.composer.state" "$file" && return
    # But on a full disk, where there is room in its place alone. Whoever reads half of it takes it for none.
    [[ -s $file ]] && printf '%s\n' "$line" 1<>"$file" && truncate -s $((${#line} + 1)) "$file"
}

# Without it nobody knows whose connection to look for.
write_pid() {
    own "$workspace/composer.pid"
    printf '%s\n' "$python" >"$workspace/composer.pid"
}

# Waits until the participant tells through a pipe (drivers/acceptance.py), or its log, read on from its present end, that
# the server has accepted it: a log can be full, and a pipe needs a driver that NVFLARE has loaded.
# Builtins only: for a hundred sites on one machine a process per look would cost more than NVFLARE does.
watch_registration() {
    local line rest="" accepted=""
    exec 4<> <(:)
    case $type in
        client) accepted="Successfully registered client:" ;;
        relay) accepted="Successfully authenticated to " ;;
    esac
    [[ -n $accepted ]] || return 0
    while true; do
        while IFS= read -r line <&3; do
            [[ $rest$line != *"$accepted"* ]] || break 2
            rest=""
        done
        # A line whose end is not written yet.
        rest+=$line
        # NVFLARE rotates its log by renaming it.
        if [[ -f $log && ! -L $log && ! $log -ef /dev/fd/3 ]]; then
            exec 3<"$log"
            rest=""
        fi
        ! read -rt 0.1 <&5 || break
    done
    exec 3<&-
    # There may be room again later.
    until state registered 2>/dev/null; do read -rt 1 <&4; done
    until [[ -s $workspace/composer.pid ]] || write_pid 2>/dev/null; do read -rt 1 <&4; done
}

terminate() {
    stopping=yes
    [[ -z $python ]] || kill -TERM "$python" 2>/dev/null
}

# Jobs have sessions of their own: no signal to a group reaches them, but each has the workspace in its environment.
end_jobs() {
    [[ -z $supervise ]] || python3 -I -S "$supervise/processes.py" end "$workspace" $$
}

# What the participant writes here is in NVFLARE's own logs as well, and those rotate by themselves.
keep_small() {
    [[ -n $supervise ]] || return 0
    local console=$workspace/console.log
    while true; do
        if [[ -f $console && ! -L $console && $(stat -c %s "$console") -gt 20000000 ]]; then
            own "$console.1"
            cp -f "$console" "$console.1"
            : >"$console"
        fi
        read -rt 60 <&4
    done
}

# Waits longer after each crash, a minute at most; who ran for two minutes begins anew.
back_off() {
    local ran=$1 pause
    ((ran < 120)) || crashes=0
    crashes=$((crashes + 1))
    own "$workspace/composer.restarts"
    printf '%s\n' "$crashes" >"$workspace/composer.restarts"
    state restarting
    pause=$((crashes > 6 ? 60 : 1 << (crashes - 1)))
    printf 'composer: starting it again in %s s\n' "$pause" >&2
    sleep "$pause" &
    python=$!
    wait "$python"
    kill "$python" 2>/dev/null
    python=""
}

trap terminate TERM INT
# As sub_start.sh sets them.
export PYTHONPATH=/local/custom${PYTHONPATH:+:$PYTHONPATH} MALLOC_ARENA_MAX=${MALLOC_ARENA_MAX:-4}
# The participant and its jobs talk through a socket in the workspace. NVFLARE's own way is a TCP port that obeys
# whoever reaches it.
drivers=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)/drivers
export NVFLARE_COMM_DRIVER_PATH=$drivers${NVFLARE_COMM_DRIVER_PATH:+:$NVFLARE_COMM_DRIVER_PATH}
export NVFLARE_INTERNAL_CONN_SCHEME=unix FLARE_WORKSPACE=$workspace PYTHONDONTWRITEBYTECODE=1
open_folder "$workspace"
# Temporary files on the disk (`tmp: disk` in composer.yml): what the last run has left would stay for ever.
[[ ${TMPDIR-} != "$workspace/composer.tmp" ]] || { discard "$TMPDIR" && own_folder "$TMPDIR"; }
own "$workspace/composer.restarts"
[[ -z $supervise ]] || printf '0\n' >"$workspace/composer.restarts"

while true; do
    open_folder "$workspace"
    own_folder "$workspace/transfer"
    # A pid in these files is of a former life; NVFLARE's own scripts take it for a running instance.
    discard "$workspace"/{pid,daemon_pid,shutdown,restart}.fl "$workspace/.internal"
    state started
    own_logs
    : >>"$log"
    exec 3<"$log" 5<> <(:)
    cat <&3 >/dev/null
    # Who dials when nobody listens yet is registered two seconds later, by NVFLARE's own clock ("re-challenge"): a
    # server that starts at the same moment, and takes as long to listen as a site takes to dial, gets a head start.
    [[ $type == server ]] || sleep 0.2
    began=$SECONDS
    # Python looks for modules where it is started before it looks anywhere else, and jobs write to the workspace. NVFLARE's
    # servers and clients go there themselves; relays do not, and run no jobs.
    { [[ $type == relay ]] || cd -- "$drivers" && FLARE_ACCEPTED=5 exec python3 -u -m "$@" 3<&-; } &
    python=$!
    { watch_registration && keep_small; } &
    watch=$!
    # A signal may have come when there was nobody yet to hand it on to.
    [[ -z $stopping ]] || terminate
    write_pid
    wait "$python"
    status=$?
    # A trapped signal ends the wait, not the process.
    while kill -0 "$python" 2>/dev/null; do
        wait "$python"
        status=$?
    done
    kill "$watch" 2>/dev/null
    discard "$workspace/composer.pid"
    python=""
    end_jobs
    if [[ -n $stopping ]]; then
        exit 143
    elif [[ -e $workspace/shutdown.fl ]]; then
        printf 'composer: shut down by an administrator\n'
        state stopped
        exit 0
    elif [[ ! -e $workspace/restart.fl ]]; then
        printf 'composer: the %s ended by itself with status %s\n' "$type" "$status" >&2
        [[ -n $supervise ]] || exit $((status == 0 ? 1 : status))
        back_off $((SECONDS - began))
        [[ -z $stopping ]] || exit 143
        continue
    fi
    printf 'composer: restarted by an administrator\n'
done
