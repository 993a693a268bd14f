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
        docker load --quiet --input "$root/images.tar" >/dev/null || fail "images.tar cannot be loaded" "see what Docker says above"
    fi
    for service in "${missing[@]}"; do
        load "$service"
        [[ -e $root/images.tar ]] || build
        present || fail "this engine's image $image is not the one that was packed" "see whether another is loaded under its name: docker image rm $image"
    done
}

# An engine that keeps images by their manifests gives the same image another ID; then what it was made of must do.
present() {
    local id="" made_of=""
    read -r id made_of < <(docker image inspect --format '{{.Id}} {{index .Config.Labels "flare-composer.inputs"}}' "$image" 2>/dev/null) || return 1
    # For an image that is not there Docker prints an empty line.
    [[ -n $id && ($id == "$image_id" || $made_of == "$inputs") ]]
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
    DOCKER_BUILDKIT=1 BUILDX_BUILDER=$builder docker build --network host "${options[@]}" --tag "$image" "$root/images/$service" >&2 ||
        fail "the image of $name cannot be built" "see what Docker says above; where a proxy intercepts TLS, name its certificate: PIP_CERT=FILE ./start.sh"
}

secret() {
    local file=${!2-}
    [[ -n $file ]] || return 0
    [[ -f $file && -r $file ]] || fail "\$$2 names $file, which cannot be read" "correct it, or unset $2"
    [[ $file != *[,\"]* ]] || fail "\$$2 names $file, which Docker takes apart at its commas and quotes" "name it without"
    options+=(--secret "id=$1,src=$file")
}
