#!/usr/bin/env bash
# Installs sshd and a registry of images on Debian where they are missing, without starting them: tests run their own,
# in namespaces.
set -euo pipefail

[[ ! -x /usr/sbin/sshd || ! -x /usr/bin/docker-registry ]] || exit 0
if [[ $EUID -ne 0 || ! -e /etc/debian_version ]]; then
    printf 'error: there is no sshd or no docker-registry on this machine\n  hint: install the OpenSSH server and the Docker registry\n' >&2
    exit 1
fi
printf '\033[2m[machine]\033[0m installing openssh-server and docker-registry\n' >&2
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    openssh-server openssh-client iproute2 iptables docker-registry >/dev/null
