#!/bin/sh
# Run on a host by composer: deletes what was delivered to the federation's folder, with the workspaces and the job
# store. What somebody else has put there stays, and is named on standard output.
#
#     remove.sh ROOT
set -eu
root=$1
[ -d "$root" ] || exit 0
[ -f "$root/SHA256SUMS" ] && [ ! -L "$root" ] || {
    echo "$root is not a folder that composer has made" >&2
    exit 3
}
cd -- "$root"
top=$(pwd -P)
for own in workspaces job-store .incoming.*; do
    if [ -d "$own" ] && [ ! -L "$own" ]; then
        # Job code may have closed its folders, which rm does not open again.
        find "$own" -type d ! -perm -700 -exec chmod u+rwx {} \;
        rm -rf -- "$own"
    fi
done
sed 's/^[0-9a-f]*  //' SHA256SUMS | while IFS= read -r file; do
    folder=$(dirname -- "$file")
    # Nothing behind a link, nothing outside.
    [ "$(cd -- "$folder" 2>/dev/null && pwd -P)" = "$(printf '%s' "$top/$folder" | sed 's,/\.$,,')" ] || continue
    [ -L "$file" ] || [ ! -f "$file" ] || rm -f -- "$file"
done
for own in kits local private; do
    if [ -d "$own" ] && [ ! -L "$own" ]; then
        find "$own" -depth -type d -exec rmdir -- {} \; 2>/dev/null || true
    fi
done
rm -f -- SHA256SUMS
find . -mindepth 1 ! -type d | sed 's,^\./,left ,' | head -n 4
cd /
rmdir -- "$root" 2>/dev/null || exit 0
rmdir -- "$(dirname -- "$root")" 2>/dev/null || true
