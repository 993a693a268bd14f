#!/usr/bin/env bash
# Makes sure that this bundle is what was packed, name by name and byte by byte, before anything of it runs:
#
#     verify.sh             all of it. Then gives back the modes that mail and file sync take away, and after an
#                           upgrade says what has changed and removes what only the former bundle had.
#     verify.sh --quick     the scripts and what they read, and changes nothing
#     verify.sh --adopt     all of it, and takes workspaces, job-store, venvs, .env and compose.override.yml for this
#                           user's own, although they were not made here: after a copy, or from a backup
#
# Ends with 0, or with 1 and one line of what is wrong. SHA256SUMS has no signature: it shows damage and what does not
# belong here, and not who has packed it.
set -euo pipefail
shopt -s globstar dotglob nullglob
export LC_ALL=C.UTF-8

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
sums=$root/SHA256SUMS
former=$root/workspaces/.SHA256SUMS
here=$root/workspaces/.made-here
# What the bundle itself, or its administrator, makes where it runs.
made=(workspaces job-store venvs .env compose.override.yml)

fail() {
    printf 'error: %s\n hint: %s\n' "$1" "${2:-unpack the bundle again, and compare its SHA-256 with the sender\'s}" >&2
    exit 1
}

# Prints a name as it is, or escaped where a terminal could take it for something else.
shown() {
    local LC_ALL=C
    if [[ $1 == *[!\ -~]* ]]; then printf '%q' "$1"; else printf '%s' "$1"; fi
}

is_made() {
    local one
    for one in "${made[@]}"; do
        [[ ${1%%/*} != "$one" ]] || return 0
    done
    return 1
}

# Reads a list of sums, in which nothing may lead out of this folder or into what is made here.
read_sums() {
    local -n into=$1
    local line name
    [[ -f $2 && ! -L $2 ]] || fail "$(shown "${2#"$root"/}") is no file"
    while IFS= read -r line || [[ -n $line ]]; do
        [[ $line =~ ^[0-9a-f]{64}\ \ [^/] ]] || fail "${2#"$root"/} has a line that composer does not write"
        name=${line:66}
        case /$name/ in
            *//* | */./* | */../* | /SHA256SUMS/) fail "${2#"$root"/} names $(shown "$name"), which is not below this folder" ;;
        esac
        ! is_made "$name" || fail "${2#"$root"/} names $(shown "$name"), which is never packed"
        # shellcheck disable=SC2034 # it is another name for the caller's
        into["$name"]=${line:0:64}
    done <"$2"
}

# What is packed nowhere must be of this place, too: Compose would obey an override, and start.sh a virtual
# environment, that came with the archive. The number of this folder is nothing that an archive can know.
compare_made() {
    local one
    for one in "${made[@]}"; do
        [[ ! -L $root/$one ]] || fail "$one is a link"
    done
    [[ ! -f $here || -L $here || $(<"$here") != "$(stat -c %i -- "$root")" ]] || return 0
    for one in "${made[@]}"; do
        [[ ! -e $root/$one ]] ||
            fail "$one is here already, and this bundle has not made it here" "if you have put it here yourself: bash lib/verify.sh --adopt"
    done
}

digest_of() {
    local digest _
    read -r digest _ < <(sha256sum <"$1")
    printf '%s' "$digest"
}

# Whether the former bundle brought this file, and nobody has changed it.
is_former() { [[ -n ${were[$1]-} && -f $root/$1 && $(digest_of "$root/$1") == "${were[$1]}" ]]; }

compare_names() {
    local path name
    for path in "$root"/**; do
        name=${path#"$root"/}
        [[ -n $name && $name != SHA256SUMS ]] || continue
        ! is_made "$name" || continue
        [[ ! -L $path ]] || fail "$(shown "$name") is a link"
        [[ ! -d $path && -z ${packed[$name]-} ]] || continue
        is_former "$name" || fail "$(shown "$name") is not of this bundle"
        gone+=("$name")
    done
    for name in "${!packed[@]}"; do
        [[ -f $root/$name ]] || fail "$(shown "$name") is missing"
    done
}

compare_contents() {
    local bad
    bad=$(cd -- "$root" && sha256sum --check --quiet --strict SHA256SUMS 2>/dev/null) || fail "$(shown "${bad%%: *}") is not as it was packed"
}

# Only what runs, or is read as shell, and of that all.
compare_scripts() {
    local path name
    for path in "$root"/*.sh "$root"/lib/** "$root"/participants/** "$root"/python/*/python.conf; do
        name=${path#"$root"/}
        [[ ! -L ${path%/} ]] || fail "$(shown "$name") is a link"
        [[ ! -d $path ]] || continue
        [[ -n ${packed[$name]-} ]] || is_former "$name" || fail "$(shown "$name") is not of this bundle"
        [[ -z ${packed[$name]-} || (-f $path && $(digest_of "$path") == "${packed[$name]}") ]] || fail "$(shown "$name") is not as it was packed"
    done
}

# A bundle over another: what only the former had goes, now that all is known to be what it should be.
say_changes() {
    local name
    for name in ${gone[@]+"${gone[@]}"}; do
        rm -f -- "$root/$name"
        printf 'upgrade: %s is gone\n' "$(shown "$name")" >&2
    done
    for name in "${!packed[@]}"; do
        [[ ${were[$name]-} == "${packed[$name]}" ]] ||
            printf 'upgrade: %s is %s\n' "$(shown "$name")" "$([[ -n ${were[$name]-} ]] && echo changed || echo new)" >&2
    done
    : >"$root/workspaces/.upgraded"
}

repair_modes() {
    local name mode lost=()
    for name in "${!packed[@]}"; do
        mode=$(stat -c %a -- "$root/$name")
        case $name in
            *.key | participants/*.conf | docker-compose.yml) [[ $mode == [64]00 ]] || { chmod 0600 -- "$root/$name" && lost+=("$(shown "$name")"); } ;;
            *.sh) [[ -x $root/$name ]] || { chmod 0755 -- "$root/$name" && lost+=("$(shown "$name")"); } ;;
        esac
    done
    [[ ${#lost[@]} -eq 0 ]] || printf 'modes were lost on the way and are repaired: %s\n' "${lost[*]}" >&2
    [[ ! -d $root/kits ]] || chmod 0700 -- "$root/kits"
}

main() {
    declare -gA packed=() were=()
    declare -ga gone=()
    [[ -s $sums ]] || fail "SHA256SUMS is missing"
    read_sums packed "$sums"
    [[ ! -e $former && ! -L $former ]] || read_sums were "$former"
    [[ ${1-} == --adopt ]] || compare_made
    if [[ ${1-} == --quick ]]; then
        compare_scripts
        return
    fi
    compare_names
    compare_contents
    if [[ -s $former ]] && ! cmp -s -- "$sums" "$former"; then
        say_changes
    fi
    repair_modes
    umask 077
    mkdir -p -- "$root/workspaces"
    rm -f -- "$former" "$here"
    cp -- "$sums" "$former"
    stat -c %i -- "$root" >"$here"
}

main "$@"
