#!/usr/bin/env bash
# Makes sure that the engine has a minimal Debian with that release's Python, and prints the image's name:
#
#     tests/machine/base-image.sh CODENAME
#
# Needs root on Debian, and what with-engine.sh gives. The image stays in $FLARE_COMPOSER_CACHE as a tar.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
cache=${FLARE_COMPOSER_CACHE:-/var/cache/flare-composer}

say() { printf '\033[2m[machine]\033[0m %s\n' "$*" >&2; }

fail() {
    printf 'error: %s\n  hint: %s\n' "$1" "$2" >&2
    exit 1
}

[[ $# -eq 1 ]] || fail "no release of Debian was given" "base-image.sh CODENAME"
# shellcheck source=tests/machine/install.sh
source "$here/install.sh"
exec 9>"$cache/lock"
flock 9
command -v debootstrap >/dev/null || apt_install debootstrap
make_base_image "$cache" "$1"
printf 'flare-composer-base:%s\n' "$1"
