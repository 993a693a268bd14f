# Sourced after common.sh: brings the images that the participants run from.
# shellcheck shell=bash
# shellcheck disable=SC2154 # what is set there is used here

# From the archive in the bundle, by their IDs; else they are built from images/.
bring_images() {
    local missing=()
    for service in "${services[@]}"; do
        load "$service"
        present || missing+=("$service")
    done
    [[ ${#missing[@]} -gt 0 ]] || return 0
    if [[ -e $root/images.tar ]]; then
        say "loading the images"
        docker load --quiet --input "$root/images.tar" 2>&1 >/dev/null | foreign >&2 || fail "images.tar cannot be loaded" "see what Docker says above"
    fi
    for service in "${missing[@]}"; do
        load "$service"
        [[ -e $root/images.tar ]] || build
        remember
        present || fail "this engine's image $image is not the one that was packed" "see whether another is loaded under its name: docker image rm $image"
    done
}

# Whether the image is the one that was packed, or built or loaded here for this bundle. A label would not do: whoever
# builds on an image hands its labels on. An engine that keeps images by their manifests gives another ID than that of
# the packing one, so what it has given after loading is remembered.
present() {
    local id remembered=$root/workspaces/.image-$service
    id=$(docker image inspect --format '{{.Id}}' "$image" 2>/dev/null) && [[ -n $id ]] || return 1
    [[ $id != "$image_id" ]] || return 0
    [[ -f $remembered && ! -L $remembered && $(<"$remembered") == "$inputs $id" ]]
}

remember() {
    local id made_of
    read -r id made_of < <(docker image inspect --format '{{.Id}} {{index .Config.Labels "flare-composer.inputs"}}' "$image" 2>/dev/null) || return 0
    [[ $made_of == "$inputs" ]] || return 0
    rm -f -- "$root/workspaces/.image-$service"
    printf '%s %s\n' "$inputs" "$id" >"$root/workspaces/.image-$service"
}

# What pip is told on this host by its own variables holds for the build, too; as a secret, so that none of it stays in
# the image. A builder that somebody has chosen (docker buildx use) may keep its images to itself.
build() {
    local options=() variable builder
    secret ca_bundle PIP_CERT
    secret pip_config PIP_CONFIG_FILE
    for variable in {http,https,no}_proxy {HTTP,HTTPS,NO}_PROXY; do
        options+=(--build-arg "$variable")
    done
    builder=$(docker context show 2>/dev/null) || builder=default
    say "building the image of $name"
    DOCKER_BUILDKIT=1 BUILDX_BUILDER=$builder docker build --network "$(network_of_build)" "${options[@]}" --tag "$image" "$root/images/$service" 2>&1 | follow=yes foreign >&2 ||
        fail "the image of $name cannot be built" "see what Docker says above; where a proxy intercepts TLS, name its certificate: PIP_CERT=FILE ./start.sh"
}

# The steps of a build are on a network of their own, unless what they need is on this host's loopback alone, or the
# engine has no other network.
network_of_build() {
    local variable loopback='(^|[/@=[:space:]"])(localhost|127(\.[0-9]+){3}|\[::1\])([:/[:space:]"]|$)'
    local needs=$build_network
    for variable in {http,https}_proxy {HTTP,HTTPS}_PROXY; do
        [[ ! ${!variable-} =~ $loopback ]] || needs=host
    done
    [[ -z ${PIP_CONFIG_FILE-} ]] || ! grep -qE "$loopback" -- "$PIP_CONFIG_FILE" || needs=host
    ! grep -qE '"https?Proxy": *"[^"]*//(localhost|127\.|\[::1\])' -- "${DOCKER_CONFIG:-$HOME/.docker}/config.json" 2>/dev/null || needs=host
    docker network inspect bridge >/dev/null 2>&1 || needs=host
    printf '%s' "${needs:-default}"
}

secret() {
    local file=${!2-}
    [[ -n $file ]] || return 0
    [[ -f $file && -r $file ]] || fail "\$$2 names $file, which cannot be read" "correct it, or unset $2"
    [[ $file != *[,\"]* ]] || fail "\$$2 names $file, which Docker takes apart at its commas and quotes" "name it without"
    options+=(--secret "id=$1,src=$file")
}
