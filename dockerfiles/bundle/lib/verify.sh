#!/usr/bin/env bash
# Makes sure that this bundle is what was packed, name by name and byte by byte, before anything of it runs: verify.sh
#
# Gives back the modes that mail and file sync take away, and after an upgrade says what has changed and removes what
# only the former bundle had. Ends with 0, or with 1 and one line of what is wrong.
set -euo pipefail
shopt -s globstar dotglob nullglob
export LC_ALL=C.UTF-8

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
sums=$root/SHA256SUMS
former=$root/workspaces/.SHA256SUMS
# What the bundle itself makes where it runs.
made=" workspaces job-store venvs .env compose.override.yml "

fail() {
    printf 'error: %s\n hint: %s\n' "$1" "unpack the bundle again, and compare its SHA-256 with the sender's" >&2
    exit 1
}

# shellcheck disable=SC2034 # it is another name for the caller's
read_sums() {
    local -n into=$1
    local digest name
    while read -r digest name; do
        into["${name#\*}"]=$digest
    done <"$2"
}

# A bundle over another: what only the former had goes, unless somebody has changed it.
say_changes() {
    local name digest _
    [[ -s $former ]] || return 0
    read_sums were "$former"
    for name in "${!were[@]}"; do
        [[ -z ${packed[$name]-} ]] || continue
        [[ -f $root/$name && ! -L $root/$name ]] || continue
        read -r digest _ < <(sha256sum <"$root/$name")
        if [[ $digest == "${were[$name]}" ]]; then
            rm -f -- "$root/$name"
            printf 'upgrade: %s is gone\n' "$name" >&2
        fi
    done
    for name in "${!packed[@]}"; do
        [[ ${were[$name]-} == "${packed[$name]}" ]] || printf 'upgrade: %s is %s\n' "$name" "$([[ -n ${were[$name]-} ]] && echo changed || echo new)" >&2
    done
    : >"$root/workspaces/.upgraded"
}

compare_names() {
    local path name
    for path in "$root"/**; do
        name=${path#"$root"/}
        [[ -n $name && $name != SHA256SUMS && $made != *" ${name%%/*} "* ]] || continue
        [[ ! -L $path ]] || fail "$name is a link"
        [[ -d $path || -n ${packed[$name]-} ]] || fail "$name is not of this bundle"
    done
    for name in "${!packed[@]}"; do
        [[ -f $root/$name ]] || fail "$name is missing"
    done
}

compare_contents() {
    local bad
    bad=$(cd -- "$root" && sha256sum --check --quiet --strict SHA256SUMS 2>/dev/null) || fail "${bad%%: *} is not as it was packed"
}

repair_modes() {
    local name mode lost=()
    for name in "${!packed[@]}"; do
        mode=$(stat -c %a -- "$root/$name")
        case $name in
            *.key) [[ $mode == [64]00 ]] || { chmod 0600 -- "$root/$name" && lost+=("$name"); } ;;
            *.sh) [[ -x $root/$name ]] || { chmod 0755 -- "$root/$name" && lost+=("$name"); } ;;
        esac
    done
    [[ ${#lost[@]} -eq 0 ]] || printf 'modes were lost on the way and are repaired: %s\n' "${lost[*]}" >&2
    [[ ! -d $root/kits ]] || chmod 0700 -- "$root/kits"
}

main() {
    declare -gA packed=() were=()
    [[ -s $sums ]] || fail "SHA256SUMS is missing"
    read_sums packed "$sums"
    if [[ -s $former ]] && ! cmp -s -- "$sums" "$former"; then
        say_changes
    fi
    compare_names
    compare_contents
    repair_modes
    (umask 077 && mkdir -p -- "$root/workspaces" && cp -- "$sums" "$former")
}

main
