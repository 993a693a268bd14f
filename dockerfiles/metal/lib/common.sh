# Sourced by the scripts beside this folder: who the participants are, and what is known of each.
# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is used there

set -euo pipefail
export LC_ALL=C.UTF-8
umask 077

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
lib=$root/lib

services=()

say() { printf '%s\n' "$*" >&2; }

fail() {
    printf 'error: %s\n hint: %s\n' "$1" "$2" >&2
    exit 1
}

need() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null || fail "there is no \`$tool\` on this machine" "install it, or put it on the PATH"
    done
}

# NVFLARE starts jobs by command lines that it takes apart at blanks and quotes.
movable() {
    [[ $root != *[[:space:]\'\"\\]* ]] || fail "NVFLARE cannot run jobs below $root: its path has a blank or a quote in it" "move this folder"
}

# Sets $services to those of the participants named, or to all of the given types.
choose() {
    local types wanted file kind
    read -ra types <<<"$1"
    shift
    services=()
    # A server goes before those who dial it.
    for kind in "${types[@]}"; do
        for file in "$root"/participants/*.conf; do
            load "$(basename -- "$file" .conf)"
            [[ $type == "$kind" ]] || continue
            [[ $# -eq 0 ]] && services+=("$service")
            for wanted in "$@"; do
                [[ $wanted != "$name" && $wanted != "$service" ]] || services+=("$service")
            done
        done
    done
    [[ $# -eq 0 || ${#services[@]} -eq $# ]] || fail "not all of these are participants here: $*" "they are listed in participants/"
}

# Sets what is known of one participant.
load() {
    service=$1
    name="" type="" kit="" local="" module="" config="" python="" dials="" port="" security="" identity="" no_proxy=""
    settings=() environment=() hosts=()
    # shellcheck source=/dev/null
    source "$root/participants/$service.conf"
    workspace=$root/workspaces/$service
    venv=$root/venvs/$python
    # What composer knows on its own machine is an absolute path.
    [[ $kit == /* ]] || kit=$root/$kit
    [[ -z $local || $local == /* ]] || local=$root/$local
}

# Whether the participant's supervisor lives, and sets $supervisor to its pid.
supervised() {
    supervisor=""
    [[ -s $workspace/composer.supervisor ]] || return 1
    supervisor=$(<"$workspace/composer.supervisor")
    [[ $supervisor =~ ^[0-9]+$ && -d /proc/$supervisor ]] || return 1
    # A pid alone may be somebody else's by now.
    "$venv/bin/python3" -I -S "$lib/processes.py" alive "$workspace" "$supervisor"
}

# Sets $state, $registered and $since, as composer status shows them.
observe() {
    local word=""
    state=absent registered=no since=""
    if [[ -s $workspace/composer.state ]]; then
        read -r word since <"$workspace/composer.state" || true
    fi
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

last_words() {
    local line words=""
    while IFS= read -r line; do
        [[ -z ${line// /} ]] || words=$line
    done < <(tail -n 20 -- "$workspace/console.log" 2>/dev/null)
    printf '%s' "${words:-it wrote nothing}"
}
