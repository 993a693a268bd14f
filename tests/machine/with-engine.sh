#!/usr/bin/env bash
# Runs a command with a Docker engine, Compose v2 with buildx, and a base image at hand:
#
#     tests/machine/with-engine.sh COMMAND [ARGS...]
#
# Where the machine has a working engine and Compose v2, they are used as they are. On Debian, as root,
# what is missing is installed, and an engine is started on a socket and a data root of its own and
# stopped when the command ends. What was downloaded stays in $FLARE_COMPOSER_CACHE for the next run.
#
# The command gets DOCKER_HOST and DOCKER_CONFIG where an engine was started here, and then also
# FLARE_COMPOSER_DEFINITION: a composer.yml whose image section names a base image that this machine has.
#
# Where no engine can be had, $FLARE_COMPOSER_WITHOUT_ENGINE may name a composer.yml that needs none; the command
# then gets that one.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
cache=${FLARE_COMPOSER_CACHE:-/var/cache/flare-composer}
run=/run/$(basename -- "$cache")
started=""

say() { printf '\033[2m[machine]\033[0m %s\n' "$*" >&2; }

fail() {
    printf 'error: %s\n  hint: %s\n' "$1" "$2" >&2
    exit 1
}

engine_works() {
    docker info >/dev/null 2>&1 && docker compose version >/dev/null 2>&1 && docker buildx version >/dev/null 2>&1
}

start_engine() {
    # shellcheck source=tests/machine/install.sh
    source "$here/install.sh"
    mkdir -p "$cache" "$run"
    exec 9>"$cache/lock"
    flock 9
    export DOCKER_HOST="unix://$run/docker.sock" DOCKER_CONFIG="$cache/docker"
    install_engine
    install_plugins "$cache/docker/cli-plugins"
    if ! docker info >/dev/null 2>&1; then
        say "starting dockerd on $DOCKER_HOST"
        rm -f "$run/docker.pid"
        setsid dockerd --data-root "$cache/data" --exec-root "$run/exec" --pidfile "$run/docker.pid" \
            --host "$DOCKER_HOST" --group docker >"$cache/dockerd.log" 2>&1 9>&- </dev/null &
        started=$!
        for _ in {1..150}; do
            docker info >/dev/null 2>&1 && break
            kill -0 "$started" 2>/dev/null || fail "dockerd ended: $(tail -n 1 "$cache/dockerd.log")" "read $cache/dockerd.log"
            sleep 0.2
        done
    fi
    docker info >/dev/null || fail "dockerd does not answer" "read $cache/dockerd.log"
    make_base_image "$cache" "$(debian_codename)"
    name_base_image "$cache" "$(debian_codename)"
    exec 9>&-
    export FLARE_COMPOSER_DEFINITION="$cache/composer.yml"
}

stop_engine() {
    [[ -n "$started" ]] || return 0
    say "stopping dockerd"
    kill "$started" 2>/dev/null || true
    wait "$started" 2>/dev/null || true
}

[[ $# -gt 0 ]] || fail "no command was given" "with-engine.sh COMMAND [ARGS...]"
if engine_works; then
    exec "$@"
elif [[ $EUID -eq 0 && -e /etc/debian_version ]]; then
    trap stop_engine EXIT
    start_engine
    "$@"
elif [[ -n ${FLARE_COMPOSER_WITHOUT_ENGINE-} ]]; then
    say "no Docker engine can be had here: going on without containers"
    export FLARE_COMPOSER_DEFINITION=$FLARE_COMPOSER_WITHOUT_ENGINE
    exec "$@"
else
    fail "this machine has no Docker engine with Compose v2 and buildx that $(id -un) can use" \
        "install Docker Engine with the compose and buildx plugins, or run this as root on Debian, where it is set up for you"
fi
