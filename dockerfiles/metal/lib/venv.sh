#!/usr/bin/env bash
# Makes the virtual environments that the participants here run in, where they are missing, and looks whether the user's
# own have what they need: venv.sh
# shellcheck source-path=SCRIPTDIR source-path=SCRIPTDIR/../../scripts/lib source=common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

make() {
    local folder=$root/python/$1 options=() nvflare="" existing="" oldest="" newest="" ca_bundle="" pip_config="" interpreter wheels uv="" pip="" python=$1
    # shellcheck source=/dev/null
    source "$folder/python.conf"
    [[ -z $existing ]] || { examine && return; }
    venv=$root/venvs/$1
    ! installed || return 0
    interpreter=$(suitable "$oldest" "$newest") || fail \
        "NVFLARE $nvflare needs a Python from $oldest to $newest, and this machine has none" \
        "install one of them as python3.N, with its venv module"
    say "Making a virtual environment with NVFLARE $nvflare for $("$interpreter" --version)"
    rm -rf -- "$venv"
    mkdir -p -- "$root/venvs"
    [[ -z $ca_bundle ]] || export PIP_CERT=$ca_bundle
    [[ -z $pip_config ]] || export PIP_CONFIG_FILE=$pip_config
    if [[ -d $root/wheels ]]; then
        wheels=("$root"/wheels/uv-*.whl "$root"/wheels/pip-*.whl)
        uv=${wheels[0]} pip=${wheels[1]}
        options+=(--no-index "--find-links=$root/wheels")
    else
        uv=$(command -v "${COMPOSER_UV:-uv}") || "$interpreter" -c 'import ensurepip' 2>/dev/null || fail \
            "there is no uv, and $interpreter cannot make a virtual environment with pip" "install its venv module (Debian: apt-get install python3-venv)"
    fi
    "$interpreter" -m venv --without-pip "$venv"
    # Packages bring code that runs meanwhile, and writes what it likes.
    "$venv/bin/python3" "$lib/packages.py" install --compile --uv "$uv" --pip "$pip" --python "$venv/bin/python3" -r "$folder/requirements.txt" -- --quiet ${options[@]+"${options[@]}"} 2>&1 | follow=yes foreign >&2 || fail \
        "NVFLARE $nvflare cannot be installed into $venv" "see what uv or pip says above; pip's settings (PIP_CERT, PIP_INDEX_URL, pip.conf) are obeyed"
    printf '%s\n' "$venv" >"$venv/.complete"
}

# Fails where an environment of the user's own lacks something; nothing is installed into it.
examine() {
    local lacks status=0
    [[ -x $existing/bin/python3 ]] || fail "there is no $existing/bin/python3 on this machine" \
        "let nvflare_environment be the folder of an environment of venv or conda, or /usr"
    # As participants are started: without what the shell has Python import.
    lacks=$(env -u PYTHONPATH -u PYTHONHOME "$existing/bin/python3" "$lib/environment.py" "$nvflare" "$oldest" "$newest" "$folder/requirements.txt" 2>&1) || status=$?
    [[ $status == 0 ]] || fail "the Python environment $existing $(last_of <<<"${lacks:-cannot be started}")" \
        "what it must have: $existing/bin/python3 -m pip install -r $folder/requirements.txt"
}

# Prints the first Python that NVFLARE accepts: the usual one where it does, else the newest.
suitable() {
    local oldest=$1 newest=$2 minor candidate
    local check='import sys, venv; old, new = (tuple(map(int, v.split("."))) for v in sys.argv[1:]); sys.exit(not old <= sys.version_info[:2] <= new)'
    local candidates=(python3)
    for ((minor = ${newest#3.}; minor >= ${oldest#3.}; minor--)); do
        candidates+=("python3.$minor")
    done
    for candidate in "${candidates[@]}"; do
        if command -v "$candidate" >/dev/null && "$candidate" -I -c "$check" "$oldest" "$newest" 2>/dev/null; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

main() {
    local conf
    # A delivery leaves folders that it has emptied.
    for conf in "$root"/python/*/python.conf; do
        make "$(basename -- "$(dirname -- "$conf")")"
    done
}

main "$@"
