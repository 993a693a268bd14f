#!/usr/bin/env bash
# Runs pytest with composer on other Pythons, two at a time, each in a virtual environment of its own:
#
#     on-pythons.sh "VERSIONS" ARGUMENTS OF PYTEST...         on-pythons.sh "3.10 3.13" tests/unit
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
        "$uv" venv --quiet --clear --no-project --python "$(interpreter "$1")" "$folder"
        "$uv" pip install --quiet --python "$folder/bin/python" --constraint "$here/../constraints.txt" \
            --editable "${root}[provision]" --group "$root/pyproject.toml:dev"
        touch "$folder/.installed"
    fi
}

# Everything that a version says comes at its end, so that two do not talk at once.
run() {
    local version=$1 log status=0
    shift
    log=$(mktemp)
    environment "$version" &&
        "$root/.venv-$version/bin/python" -m pytest -p no:cacheprovider "$@" >"$log" 2>&1 </dev/null || status=$?
    printf '\n=== Python %s ===\n' "$version"
    cat "$log"
    rm -f "$log"
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
        if [[ ${#running[@]} -ge 2 ]]; then
            wait "${running[0]}" || failed=1
            running=("${running[@]:1}")
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
