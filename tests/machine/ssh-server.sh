#!/usr/bin/env bash
# Installs sshd on Debian where it is missing, without starting it: tests run their own, in namespaces.
set -euo pipefail

[[ ! -x /usr/sbin/sshd ]] || exit 0
if [[ $EUID -ne 0 || ! -e /etc/debian_version ]]; then
    printf 'error: there is no sshd on this machine\n  hint: install the OpenSSH server\n' >&2
    exit 1
fi
printf '\033[2m[machine]\033[0m installing openssh-server\n' >&2
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends openssh-server openssh-client iproute2 iptables >/dev/null
