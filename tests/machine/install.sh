# Sourced by with-engine.sh: what a bare Debian machine lacks, each part installed only where it is missing.
# shellcheck shell=bash
set -euo pipefail

# The machine's own Debian sources with their suite replaced by $1, so that no mirror is named here.
debian_sources() {
    local uris
    uris=$(debian_mirror)
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' "$uris" "$1"
}

debian_mirror() {
    local mirror
    # apt fills the names in, not the shell.
    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --format '$(SITE) $(RELEASE) $(ORIGIN)' 'Created-By: Packages' |
        awk -v codename="$(debian_codename)" '$3 == "Debian" && $2 == codename { print $1; exit }')
    [[ -n "$mirror" ]] || fail "no Debian source for $(debian_codename) in this machine's apt configuration" "add one and run apt-get update"
    printf '%s\n' "$mirror"
}

# shellcheck source=/dev/null
debian_codename() { (. /etc/os-release && printf '%s\n' "$VERSION_CODENAME"); }

apt_install() {
    say "installing $*"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

install_engine() {
    local packages=()
    command -v dockerd >/dev/null || packages+=(docker.io)
    command -v iptables >/dev/null || packages+=(iptables)
    command -v debootstrap >/dev/null || packages+=(debootstrap)
    command -v ip >/dev/null || packages+=(iproute2)
    # Only the tests of encrypted bundles use these.
    command -v age >/dev/null || packages+=(age)
    command -v strace >/dev/null || packages+=(strace)
    [[ -x /usr/bin/python3 ]] && /usr/bin/python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)
    [[ ${#packages[@]} -eq 0 ]] || apt_install "${packages[@]}"
}

# Compose v2 and buildx as Docker CLI plugins in $1. Debian 12 has neither; those of Debian 13 are single
# binaries that run on it.
install_plugins() {
    local plugins=$1 work
    [[ ! -x "$plugins/docker-compose" || ! -x "$plugins/docker-buildx" ]] || return 0
    say "installing Compose v2 and buildx into $plugins"
    mkdir -p "$plugins"
    work=$(mktemp -d "$plugins.XXXXXX")
    mkdir -p "$work/lists/partial" "$work/root"
    debian_sources trixie >"$work/trixie.sources"
    local options=(-qq -o "Dir::Etc::sourcelist=$work/trixie.sources" -o Dir::Etc::sourceparts=-
        -o "Dir::State::lists=$work/lists" -o "Dir::Cache::pkgcache=$work/pkgcache" -o "Dir::Cache::srcpkgcache=$work/srcpkgcache"
        -o APT::Sandbox::User=root)
    (
        cd "$work"
        apt-get "${options[@]}" update
        apt-get "${options[@]}" download docker-compose docker-buildx
        for package in *.deb; do dpkg -x "$package" root; done
    )
    find "$work/root" -name docker-compose -type f -exec install -m 0755 {} "$plugins/docker-compose" \;
    find "$work/root" -name docker-buildx -type f -exec install -m 0755 {} "$plugins/docker-buildx" \;
    rm -rf "$work"
}

# A minimal Debian $2 with Python, as the image flare-composer-base:$2; kept as a tar in the folder $1.
make_base_image() {
    local image=flare-composer-base:$2
    make_base_tar "$1" "$2"
    docker image inspect "$image" >/dev/null 2>&1 || docker import "$1/base-$2.tar" "$image" >/dev/null
}

make_base_tar() {
    local folder=$1 codename=$2 tar tree
    tar=$folder/base-$codename.tar
    if [[ ! -s "$tar" ]]; then
        say "making the base image of $codename with debootstrap (about a minute)"
        tree=$folder/base-tree
        umount "$tree/proc" "$tree/sys" 2>/dev/null || true
        rm -rf "$tree"
        debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates "$codename" "$tree" "$(debian_mirror)" \
            >"$folder/debootstrap.log" 2>&1 || fail "debootstrap failed: $(tail -n 1 "$folder/debootstrap.log")" "read $folder/debootstrap.log"
        rm -rf "$tree"/var/cache/apt/archives/*.deb "$tree"/var/lib/apt/lists/* "$tree"/var/log/*
        tar --numeric-owner -C "$tree" -cf "$tar.part" .
        mv "$tar.part" "$tar"
        rm -rf "$tree"
    fi
}

# A composer.yml in the folder $1 that names the base image of Debian $2.
name_base_image() {
    printf 'image:\n  base: flare-composer-base:%s\n  ca_bundle: /etc/ssl/certs/ca-certificates.crt\n' "$2" >"$1/composer.yml"
}
