#!/usr/bin/env bash
# Runs pytest with composer on other Pythons, all at once, each in a virtual environment of its own:
#
#     on-pythons.sh "VERSIONS" ARGUMENTS OF PYTEST...         on-pythons.sh "3.10 3.13" tests/unit
#
# The one that $COVERAGE_ON names also measures what the tests run, and fails where it is too little (pyproject.toml).
#
# A Python that this machine lacks is left out with a word, and is an error in CI.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
root=$(cd -- "$here/../.." && pwd)
uv=$root/.venv/bin/uv
read -ra versions <<<"$1"
shift

# Prints the interpreter of a version: one on the PATH that runs (a shim may not), or one that pyenv has.
interpreter() {
    local candidate
    for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
        if "$candidate" -c 'import venv' 2>/dev/null; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

environment() {
    local folder=$root/.venv-$1
    if [[ ! $folder/.installed -nt $root/pyproject.toml || ! $folder/.installed -nt $root/tests/constraints.txt ]]; then
        # Each waits for the one before: no error ends a function whose status is asked for.
        "$uv" venv --quiet --clear --no-project --python "$(interpreter "$1")" "$folder" &&
            "$uv" pip install --quiet --compile-bytecode --python "$folder/bin/python" \
                --constraint "$here/../constraints.txt" --editable "${root}[provision]" --group "$root/pyproject.toml:dev" &&
            touch "$folder/.installed"
    fi
}

# Gives a command locks of its own: the same tests of another version lock the same projects.
with_own_locks() {
    if [[ $EUID -eq 0 ]]; then
        mkdir -p /run/flare-composer.locks
        # shellcheck disable=SC2016 # The inner shell expands it.
        unshare --mount bash -c 'mount -t tmpfs -o mode=700 locks /run/flare-composer.locks && exec "$@"' bash "$@"
    else
        XDG_RUNTIME_DIR=$own "$@"
    fi
}

# Everything that a version says comes at its end, so that two do not talk at once.
run() {
    local version=$1 own status=0 python=$root/.venv-$1/bin/python measure=()
    shift
    if [[ $version == "${COVERAGE_ON-}" ]]; then
        rm -rf "$root/.coverage" && mkdir "$root/.coverage"
        measure=(-m coverage run)
    fi
    own=$(mktemp -d)
    # Tests play other users, too; pytest closes the folder of all its runs to them when another run begins.
    chmod 755 "$own"
    environment "$version" &&
        PYTEST_DEBUG_TEMPROOT=$own with_own_locks "$python" ${measure[@]+"${measure[@]}"} \
            -m pytest -p no:cacheprovider "$@" >"$own/log" 2>&1 </dev/null || status=$?
    if [[ ${#measure[@]} -gt 0 && $status -eq 0 ]]; then
        { "$python" -m coverage combine --quiet && "$python" -m coverage report --skip-covered; } \
            >>"$own/log" 2>&1 || status=$?
    fi
    printf '\n=== Python %s ===\n' "$version"
    cat "$own/log"
    rm -rf "$own"
    return "$status"
}

main() {
    local version running=() failed=0
    for version in "${versions[@]}"; do
        if ! interpreter "$version" >/dev/null; then
            printf 'Python %s is not on this machine: left out\n' "$version" >&2
            [[ -z ${CI-} ]] || failed=1
            continue
        fi
        run "$version" "$@" &
        running+=("$!")
    done
    for version in ${running[@]+"${running[@]}"}; do
        wait "$version" || failed=1
    done
    exit "$failed"
}

main "$@"
