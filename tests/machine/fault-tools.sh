#!/usr/bin/env bash
# Installs on Debian, as root, what only the tests of faults use and the machine lacks. Elsewhere they say themselves
# what they miss.
set -euo pipefail

[[ $EUID -eq 0 && -e /etc/debian_version ]] || exit 0
packages=()
command -v strace >/dev/null || packages+=(strace)
command -v iptables >/dev/null || packages+=(iptables)
command -v nft >/dev/null || packages+=(nftables)
command -v tc >/dev/null || packages+=(iproute2)
compgen -G '/usr/lib/*/faketime/libfaketime.so.1' >/dev/null || packages+=(libfaketime)
[[ ${#packages[@]} -gt 0 ]] || exit 0
printf '\033[2m[machine]\033[0m installing %s\n' "${packages[*]}" >&2
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
