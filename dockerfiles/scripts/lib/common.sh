# Sourced by the scripts beside this folder: who the participants are. How they run is in runtime.sh.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # what is set here, or in a participant's file, is used there

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

# Sets what is known of one participant: its file has a value for everything.
load() {
    service=$1
    # shellcheck source=/dev/null
    source "$root/participants/$service.conf"
    private=()
    # shellcheck source=/dev/null
    [[ ! -e $root/private/$service.conf ]] || source "$root/private/$service.conf"
    workspace=$root/workspaces/$service
    locate
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
            file=${file##*/}
            load "${file%.conf}"
            [[ $type == "$kind" ]] || continue
            [[ $# -eq 0 ]] && services+=("$service")
            for wanted in "$@"; do
                [[ $wanted != "$name" && $wanted != "$service" ]] || services+=("$service")
            done
        done
    done
    [[ $# -eq 0 || ${#services[@]} -eq $# ]] || fail "not all of these are participants here: $*" "they are listed in participants/"
}

# Sets $said to the first line, 64 characters at most, of a file that jobs may have made; to nothing where it is a link, a
# pipe or a folder.
look_into() {
    said=""
    [[ ! -f $1 || -L $1 ]] || read -rn 64 said <"$1" || true
}

# Sets $word and $since to what the participant's entrypoint says of it; to nothing where that has not just its form.
read_state() {
    local said form='^(started|registered|restarting|stopped) ([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)$'
    word="" since=""
    look_into "$workspace/composer.state"
    [[ ! $said =~ $form ]] || { word=${BASH_REMATCH[1]} since=${BASH_REMATCH[2]}; }
}

# Deletes what a job may have made. A folder that it has closed can be emptied only when its owner has opened it again; a
# link is deleted, and not what it leads to. Where something in it is another user's, the rest goes.
discard() {
    local path
    for path in "$@"; do
        rm -rf -- "$path" 2>/dev/null && continue
        [[ ! -d $path || -L $path ]] || chmod -R u+rwX -- "$path" || true
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
    [[ -r $1 && -w $1 && -x $1 ]] || chmod u+rwx -- "$1" || true
}

# Takes away what is no regular file under names in a workspace that are written to: a pipe would be waited for, and what
# a link leads to would be written.
own() {
    local path
    for path in "$@"; do
        if [[ -f $path && ! -L $path ]]; then
            [[ -r $path && -w $path ]] || chmod u+rw -- "$path"
        else
            discard "$path"
        fi
    done
}

# What others wrote, line by line, without what a terminal would obey: control characters, escape sequences, marks that
# turn the direction of writing, and other ends of lines. Colours stay where $colour says so, and end with their line.
# Bytes are compared, so that what is no UTF-8 comes through as it is; what takes several becomes a question mark, since
# what stands around it could otherwise come together to another.
foreign() {
    local keep='s/\x1b\[[0-9;:]{0,64}m//g' give=''
    if [[ -n ${colour-} ]]; then
        keep='s/\x1b\[([0-9;:]{0,64})m/\x01\1\x02/g'
        give='/\x01/s/$/\x01\x02/; s/\x01/\x1b[/g; s/\x02/m/g'
    fi
    LC_ALL=C sed -E ${follow:+-u} -e 's/[\r\v\f]+$//; s/[\r\v\f]/ /g; s/[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]//g' -e "$keep" \
        -e 's|\x1b\[[0-?]*[ -/]*[@-~]||g; s/\x1b//g; s/\xc2[\x80-\x9f]/?/g; s/\xd8\x9c/?/g' \
        -e 's/\xe2\x80[\x8e\x8f\xa8-\xae]/?/g; s/\xe2\x81[\xa6-\xa9]/?/g' -e "$give"
}

# NVFLARE 2.8 and older write bearer tokens and session ids into logs: takes them out of $line.
redact() {
    local uuid='[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}' pattern
    [[ $line == *[Tt][Oo][Kk][Ee][Nn]* || $line == *[Ss][Ss][Ii][Dd]* ]] || return 0
    for pattern in \
        "((^|[^[:alnum:]_])([Tt][Oo][Kk][Ee][Nn]|[Ss][Ss][Ii][Dd])['\"]?[[:space:]]*([:=][[:space:]]*)?['\"]?)$uuid" \
        '((^|[^[:alnum:]_])SSID:[[:space:]]*)[^[:space:],;<][^[:space:],;]*'; do
        while [[ $line =~ $pattern ]]; do
            line=${line%%"${BASH_REMATCH[0]}"*}${BASH_REMATCH[1]}"<redacted>"${line#*"${BASH_REMATCH[0]}"}
        done
    done
}

# Prints the last of the lines that come in which says something.
last_of() {
    local line words=""
    while IFS= read -r line; do
        [[ -z ${line// /} ]] || words=$line
    done < <(foreign)
    line=${words:-it wrote nothing}
    redact
    printf '%s' "$line"
}

# shellcheck source-path=SCRIPTDIR source-path=SCRIPTDIR/../../metal/lib source=runtime.sh
source "$lib/runtime.sh"
