# Sourced by common.sh: what Docker says of a participant.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # what is set here is used there, and the other way round

# Ends unless the participants can be looked at.
need_engine() {
    command -v docker >/dev/null || fail "there is no \`docker\` on this machine" "install Docker Engine, or ask for a bundle without containers"
    docker version --format '{{.Server.Version}}' >/dev/null 2>&1 ||
        fail "no Docker engine answers" "start it, or see whether you may use it (group docker)"
}

ready() { need_engine; }

# Docker knows where everything is.
locate() { :; }

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
    read_state
    if [[ $state == exited && $code == 0 ]]; then
        state=stopped
    elif [[ $state == running && $type == server ]]; then
        ! docker exec "$id" /opt/composer/healthcheck.sh server "$port" "$security" >/dev/null 2>&1 || registered=yes
    elif [[ $state == running && $word == registered && ! $since < $started ]]; then
        # What was written before the container started is of a former life.
        registered=yes
    fi
}

# Prints why the participant may not have registered.
why() {
    local id
    id=$(container_of)
    printf 'it dials %s:%s; ' "$dials" "$port"
    [[ -n $id ]] || { printf 'it has no container' && return; }
    printf 'its last line was: %s' "$(docker logs --tail 20 "$id" 2>&1 | last_of)"
}

# Prints what it wrote, all of it or the last $lines, and goes on with what it writes where $follow says so.
show_log() {
    local id options=()
    id=$(container_of)
    [[ -n $id ]] || return 0
    [[ -z $follow ]] || options+=(--follow)
    [[ -z $lines ]] || options+=(--tail "$lines")
    exec docker logs ${options[@]+"${options[@]}"} "$id" 2>&1
}
