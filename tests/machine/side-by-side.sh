#!/usr/bin/env bash
# Runs lists of make's targets side by side; what each says comes at its end, so that two do not talk at once:
#
#     side-by-side.sh "test-hosts test-hostile" "test-faults"
#
# Each list goes on when one of its targets has failed. Most of their time is spent waiting for federations.
set -euo pipefail

# Two runs of pytest must not have one folder: the later closes what the earlier lets tests of other users enter.
own=$(mktemp -d)
trap 'rm -rf "$own"' EXIT
chmod 755 "$own"
# What a shell starts in the background hears no Ctrl-C.
trap 'trap - TERM; kill 0' INT TERM

run() {
    local target failed=0 log=$own/$1.log began
    mkdir "$own/$1"
    chmod 755 "$own/$1"
    for target in $2; do
        began=$SECONDS
        printf '\n=== make %s ===\n' "$target" >"$log"
        PYTEST_DEBUG_TEMPROOT=$own/$1 make --no-print-directory "$target" >>"$log" 2>&1 </dev/null || failed=1
        printf '=== make %s: %s s ===\n' "$target" "$((SECONDS - began))" >>"$log"
        cat "$log"
    done
    return "$failed"
}

running=() failed=0
for targets in "$@"; do
    run "${#running[@]}" "$targets" &
    running+=("$!")
done
for one in "${running[@]}"; do
    wait "$one" || failed=1
done
exit "$failed"
