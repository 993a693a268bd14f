#!/usr/bin/env bash
# Brings what the tests of pages use and the machine lacks: Chromium, and axe-core, which finds what keeps people from
# reading a page. axe-core is a single file that is put into the virtual environment, and known by its hash.
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
axe=4.14.1
sha512=1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b734f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5
folder=$root/.venv/share/axe-core-$axe

fail() {
    printf 'error: %s\n  hint: %s\n' "$1" "$2" >&2
    exit 1
}

install_packages() {
    [[ $# -gt 0 ]] || return 0
    [[ $EUID -eq 0 && -e /etc/debian_version ]] || fail "this machine lacks $*" "install it, or run this as root on Debian"
    printf '\033[2m[machine]\033[0m installing %s\n' "$*" >&2
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

packages=()
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null ||
    packages+=(chromium fonts-dejavu-core)
[[ -s $folder/axe.min.js ]] || command -v npm >/dev/null || packages+=(npm)
install_packages ${packages[@]+"${packages[@]}"}
if [[ ! -s $folder/axe.min.js ]]; then
    printf '\033[2m[machine]\033[0m fetching axe-core %s\n' "$axe" >&2
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    (cd "$work" && npm pack --silent "axe-core@$axe" >/dev/null)
    sha512sum --check --status <<<"$sha512  $work/axe-core-$axe.tgz" || fail "axe-core $axe is not the one that is known" "see what the package index has"
    tar -xzf "$work/axe-core-$axe.tgz" -C "$work" package/axe.min.js
    mkdir -p "$folder"
    mv "$work/package/axe.min.js" "$folder/axe.min.js"
fi
