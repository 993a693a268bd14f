#!/usr/bin/env bash
# Runs a command where there is Podman and no Docker: in a tree of Debian sid, whose Podman is as new as any:
#
#     tests/machine/podman.sh user COMMAND [ARGS...]      as an ordinary user, without root
#     tests/machine/podman.sh root COMMAND [ARGS...]
#
# It needs root on Debian. The tree is made once and kept in $FLARE_COMPOSER_CACHE, with what was built in it. The
# command has a mount and a process namespace of its own: whatever it leaves running ends with it. This folder and its
# virtual environment are seen there under their own paths.
#
# The command gets FLARE_COMPOSER_DEFINITION: a composer.yml for Podman and a base image that is there.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd -- "$here/../.." && pwd)
cache=${FLARE_COMPOSER_CACHE:-/var/cache/flare-composer}
tree=$cache/podman-sid
user=podman-test

say() { printf '\033[2m[machine]\033[0m %s\n' "$*" >&2; }

fail() {
    printf 'error: %s\n  hint: %s\n' "$1" "$2" >&2
    exit 1
}

make_tree() {
    local part=$tree.part packages=podman,uidmap,passt,fuse-overlayfs,catatonit,nftables,netavark,aardvark-dns,runc
    [[ ! -d "$tree" ]] || return 0
    say "making a tree of Debian sid with Podman (about a minute)"
    rm -rf "$part"
    debootstrap --variant=minbase "--include=$packages,ca-certificates,python3,iproute2,procps" sid "$part" \
        "$(debian_mirror)" >"$cache/podman.log" 2>&1 ||
        fail "debootstrap failed: $(tail -n 1 "$cache/podman.log")" "read $cache/podman.log"
    rm -rf "$part"/var/cache/apt/archives/*.deb "$part"/var/lib/apt/lists/*
    chroot "$part" useradd --uid 54123 --create-home --shell /bin/bash "$user"
    # Python may lie below it.
    chmod 711 "$part/root"
    mv "$part" "$tree"
}

# Runs in namespaces of its own, and goes where the tree is all there is.
enter() {
    local folder file
    mount --make-rprivate /
    mount --bind "$tree" "$tree"
    mount -t proc proc "$tree/proc"
    mount --rbind /sys "$tree/sys"
    mount --rbind /dev "$tree/dev"
    mount -t tmpfs -o mode=0755 run "$tree/run"
    mount -t tmpfs -o mode=1777 tmp "$tree/tmp"
    for folder in "$repository" "$(prefix)"; do
        [[ $folder != /usr ]] || continue
        mkdir -p "$tree$folder"
        mount --rbind "$folder" "$tree$folder"
    done
    mkdir "$tree/run/machine"
    for file in "$base" /etc/ssl/certs/ca-certificates.crt; do
        cp "$file" "$tree/run/machine/"
    done
    cp /etc/resolv.conf /etc/hosts "$tree/etc/"
    configure >"$tree/etc/containers/containers.conf"
    cd "$tree"
    mkdir -p .old
    pivot_root . .old
    umount -l /.old
    # Podman warns of a root that is not shared.
    mount --make-rshared /
}

# crun refuses a machine that has both versions of cgroups, and there is no systemd to make them or to keep events. Limits
# that are not given are raised, which a machine may forbid even root.
configure() {
    local limits
    printf -v limits '"nofile=%s:%s", "nproc=%s:%s"' "$(ulimit -Hn)" "$(ulimit -Hn)" "$(ulimit -Hu)" "$(ulimit -Hu)"
    printf '[containers]\ndefault_ulimits = [%s]\n\n' "${limits//unlimited/-1}"
    printf '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
}

# Where the Python of the virtual environment lies, without which nothing in it runs.
prefix() { "$repository/.venv/bin/python" -c 'import sys; print(sys.base_prefix)'; }

prepare_home() {
    local id=0
    export HOME=/root PODMAN_IGNORE_CGROUPSV1_WARNING=1 FLARE_COMPOSER_DEFINITION=/run/machine/composer.yml
    unset DOCKER_HOST DOCKER_CONFIG XDG_RUNTIME_DIR PYTEST_DEBUG_TEMPROOT
    printf 'runtime: podman\nimage:\n  base: flare-composer-base:%s\n  ca_bundle: %s\n' \
        "$codename" /run/machine/ca-certificates.crt >"$FLARE_COMPOSER_DEFINITION"
    if [[ $who == user ]]; then
        id=$(id -u "$user")
        export HOME=/home/$user XDG_RUNTIME_DIR=/run/user/$id USER=$user LOGNAME=$user
        install -d -m 0700 -o "$id" -g "$id" "$XDG_RUNTIME_DIR"
        chown "$id:$id" /run/machine/composer.yml
        as=(setpriv --reuid "$id" --regid "$id" --init-groups)
    else
        # A bridge of root's would be this machine's, and Docker's own rules would cut it off.
        printf '  build_network: host\n' >>"$FLARE_COMPOSER_DEFINITION"
    fi
    "${as[@]}" podman image exists "flare-composer-base:$codename" ||
        "${as[@]}" podman import --quiet "/run/machine/${base##*/}" "flare-composer-base:$codename" >/dev/null
}

case ${1-} in
    user | root) ;;
    *) fail "who runs the command was not given" "podman.sh user COMMAND, or podman.sh root COMMAND" ;;
esac
if [[ -z ${FLARE_COMPOSER_ENTERED-} ]]; then
    [[ $EUID -eq 0 && -e /etc/debian_version ]] || fail "a tree of Debian can be made by root on Debian only" "run this as root"
    # shellcheck source=tests/machine/install.sh
    source "$here/install.sh"
    mkdir -p "$cache"
    exec 9>"$cache/lock"
    flock 9
    command -v debootstrap >/dev/null || apt_install debootstrap
    make_tree
    codename=$(debian_codename)
    make_base_tar "$cache" "$codename"
    exec 9>&-
    FLARE_COMPOSER_ENTERED=$codename exec unshare --mount --pid --fork --kill-child "${BASH_SOURCE[0]}" "$@"
fi
who=$1 codename=$FLARE_COMPOSER_ENTERED as=()
base=$cache/base-$codename.tar
shift
enter
prepare_home
unset FLARE_COMPOSER_ENTERED
cd "$repository"
exec "${as[@]}" "$@"
