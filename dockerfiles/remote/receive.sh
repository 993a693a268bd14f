#!/bin/sh
# Run on a host by composer: takes an archive from standard input and puts what is in it into the federation's folder.
#
#     receive.sh ROOT <ARCHIVE
#
# The archive holds files/ and lists beside it: SHA256SUMS of files/, ALL (the sums of all that is there afterwards),
# OBSOLETE and FOLDERS. Nothing is replaced before all of it is here and its sums are right.
set -eu
umask 077
root=$1
if [ -d "$root" ] && [ ! -f "$root/SHA256SUMS" ] &&
    [ -n "$(find "$root" -mindepth 1 -maxdepth 1 ! -name compose.override.yml ! -name '.incoming.*' | head -n 1)" ]; then
    echo "$root is not a folder that composer has made" >&2
    exit 3
fi
mkdir -p -- "$root"
cd -- "$root"
chmod 700 .
rm -rf .incoming.*
stage=.incoming.$$
trap 'rm -rf -- "$stage"' EXIT
mkdir -- "$stage"
tar -C "$stage" -xf -
if [ -s "$stage/SHA256SUMS" ]; then
    (cd "$stage/files" && sha256sum -c ../SHA256SUMS >/dev/null) || {
        echo "what arrived in $root is not what was sent: try again" >&2
        exit 3
    }
fi
# From here on the folder is composer's, also for the next run if this one is ended.
[ -f SHA256SUMS ] || : >SHA256SUMS
while IFS= read -r folder; do
    mkdir -p -- "$folder"
done <"$stage/FOLDERS"
sed 's/^[0-9a-f]*  //' "$stage/SHA256SUMS" | while IFS= read -r file; do
    mkdir -p -- "$(dirname -- "$file")"
    mv -f -- "$stage/files/$file" "$file"
done
while IFS= read -r file; do
    rm -f -- "$file"
done <"$stage/OBSOLETE"
mv -f -- "$stage/ALL" SHA256SUMS
