#!/usr/bin/env bash
# Makes the development environment: venv.sh PYTHON FOLDER
set -euo pipefail

python=$1
venv=$2
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    if [[ $EUID -ne 0 || ! -e /etc/debian_version ]]; then
        printf 'error: %s has no venv module\n  hint: install it (Debian: apt-get install python3-venv)\n' "$python" >&2
        exit 1
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
fi
"$python" -m venv "$venv"
pip=("$venv/bin/pip" --disable-pip-version-check)
"${pip[@]}" install --quiet "pip==26.3"
"${pip[@]}" install --quiet --constraint "$here/../constraints.txt" --editable "$here/../..[provision]" \
    --group "$here/../../pyproject.toml:dev" --group "$here/../../pyproject.toml:docs"
touch "$venv/.installed"
