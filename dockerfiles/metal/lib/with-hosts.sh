#!/usr/bin/env bash
# Runs a command with a hosts file of its own, in a mount namespace that was made for it: with-hosts.sh FILE COMMAND...
set -euo pipefail
mount --bind "$1" /etc/hosts
shift
exec "$@"
