# Sourced by the scripts beside this folder: who the participants are, and what Docker says of each.
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

need_engine() {
    command -v docker >/dev/null || fail "there is no \`docker\` on this machine" "install Docker Engine, or ask for a bundle without containers"
    docker version --format '{{.Server.Version}}' >/dev/null 2>&1 ||
        fail "no Docker engine answers" "start it, or see whether you may use it (group docker)"
}

# Sets what is known of one participant.
load() {
    service=$1
    name="" type="" image="" image_id="" inputs="" container="" dials="" port="" security=""
    run=() mounts=() command=()
    # shellcheck source=/dev/null
    source "$root/participants/$service.conf"
    workspace=$root/workspaces/$service
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

# Prints the participant's container, running or not; nothing where it has none.
container_of() {
    docker ps --all --quiet --no-trunc --filter "label=flare-composer.deployment=$root" --filter "label=flare-composer.participant=$name" |
        head -n 1
}

# Sets $state, $registered and $since, as composer status shows them.
observe() {
    local id word="" started="" code=""
    state=absent registered=no since=""
    id=$(container_of)
    [[ -n $id ]] || return 0
    read -r state code started < <(docker inspect --format '{{.State.Status}} {{.State.ExitCode}} {{.State.StartedAt}}' "$id")
    if [[ -s $workspace/composer.state ]]; then
        read -r word since <"$workspace/composer.state" || true
    fi
    if [[ $state == exited && $code == 0 ]]; then
        state=stopped
    elif [[ $state == running && $type == server ]]; then
        ! docker exec "$id" /opt/composer/healthcheck.sh server "$port" "$security" >/dev/null 2>&1 || registered=yes
    elif [[ $state == running && $word == registered ]]; then
        registered=yes
    fi
}

last_words() {
    local line words="" id
    id=$(container_of)
    [[ -n $id ]] || { printf 'it has no container' && return; }
    while IFS= read -r line; do
        [[ -z ${line// /} ]] || words=$line
    done < <(docker logs --tail 20 "$id" 2>&1)
    printf '%s' "${words:-it wrote nothing}"
}
