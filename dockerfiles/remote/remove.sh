#!/bin/sh
# Run on a host by composer: deletes the federation's folder, with the workspaces and the job store, and nothing else.
#
#     remove.sh ROOT
set -eu
root=$1
[ -d "$root" ] || exit 0
[ -f "$root/SHA256SUMS" ] || {
    echo "$root is not a folder that composer has made: delete it by hand" >&2
    exit 3
}
rm -rf -- "$root"
rmdir -- "$(dirname -- "$root")" 2>/dev/null || true
