#!/usr/bin/env bash
# Makes what real jobs run on: jobs.sh PYTHON FOLDER
#
# FOLDER/wheels has NVFLARE, PyTorch for CPUs and what they need, and FOLDER/environment is a virtual environment of them.
# pip must find PyTorch's build for CPUs, whose version ends in +cpu; where the index has none, name PyTorch's own by
# PIP_EXTRA_INDEX_URL.
set -euo pipefail

python=$1
folder=$2
packages=("nvflare==2.9.0" "torch==2.13.0+cpu" numpy)

[[ ! -e $folder/.complete ]] || exit 0
rm -rf -- "$folder"
mkdir -p -- "$folder"
"$python" -m venv "$folder/environment"
pip=("$folder/environment/bin/pip" --disable-pip-version-check --quiet)
"${pip[@]}" wheel --wheel-dir "$folder/wheels" "${packages[@]}"
"${pip[@]}" install --no-index --find-links "$folder/wheels" "${packages[@]}"
touch "$folder/.complete"
