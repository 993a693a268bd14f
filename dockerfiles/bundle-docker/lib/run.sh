# Sourced after common.sh: starts containers, by Compose where it is there, else by `docker run` with the same settings.
# shellcheck shell=bash
# shellcheck disable=SC2154 # what is set there is used here

# They run as the user whose this folder is, so that all they write is that user's.
prepare() {
    local folder
    read -r uid gid < <(stat -c '%u %g' -- "$root")
    for service in "$@"; do
        load "$service"
        # Jobs write to the workspace: nobody is given what a link there leads to.
        for folder in "$root/workspaces" "$workspace" "$workspace"/{startup,local,transfer} "$root/job-store"; do
            [[ ! -L $folder && ( ! -e $folder || -d $folder ) ]] || rm -f -- "$folder"
            mkdir -p -- "$folder"
            [[ $(id -u) != 0 ]] || chown --no-dereference -- "$uid:$gid" "$folder"
        done
    done
    printf "FLARE_UID=%s\nFLARE_GID=%s\nFLARE_BUNDLE='%s'\n" "$uid" "$gid" "${root//\'/\\\'}" >"$root/.env"
}

# On a bridge they find each other by Docker's DNS, which only a network of their own has.
join_network() {
    [[ -z $network ]] || docker network inspect "$network" >/dev/null 2>&1 ||
        docker network create --label "flare-composer.deployment=$root" "$network" >/dev/null ||
        fail "the network $network cannot be made" "see what Docker says above"
}

has_compose() { docker compose version >/dev/null 2>&1; }

# What the shell has for other projects of its user does not hold here.
by_compose() {
    local variable without=()
    while IFS= read -r variable; do
        without+=(-u "$variable")
    done < <(compgen -e COMPOSE_)
    env ${without[@]+"${without[@]}"} docker compose --project-directory "$root" "$@"
}

# Sets $arguments to those of `docker run` for the participant that is loaded.
by_hand() {
    local mount source rest pair
    arguments=("${run[@]}" --user "$uid:$gid" --tmpfs "/tmp:uid=$uid,gid=$gid,mode=0700,size=10%"
        --label "flare-composer.deployment=$root" --label "flare-composer.participant=$name")
    # In no command line, which everybody on this machine can read.
    for pair in ${private[@]+"${private[@]}"}; do
        export "${pair?}"
        arguments+=(--env "${pair%%=*}")
    done
    for mount in "${mounts[@]}"; do
        source=${mount%%$'\t'*}
        rest=${mount#*$'\t'}
        [[ $source == /* ]] || source=$root/$source
        # A line of CSV: what has a comma or a quote in it stands between quotes.
        arguments+=(--mount "type=bind,\"source=${source//\"/\"\"}\",$rest")
    done
}

# Compose does not take over a container that was started without it, and its name would be in the way.
forget_by_hand() {
    local id
    for service in "$@"; do
        load "$service"
        id=$(container_of)
        [[ -n $id ]] || continue
        [[ -n $(docker inspect --format '{{index .Config.Labels "com.docker.compose.project"}}' "$id") ]] || docker rm --force "$id" >/dev/null
    done
}

start_by_hand() {
    local id
    for service in "$@"; do
        load "$service"
        id=$(container_of)
        if [[ -n $id ]]; then
            docker start "$id" >/dev/null
            continue
        fi
        by_hand
        docker run --detach --name "$container" "${arguments[@]}" "$image" "${command[@]}" >/dev/null ||
            fail "$name cannot be started" "see what Docker says above"
    done
}
