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
        if [[ ! -e $root/images.tar ]]; then
            say "building the image of $name"
            DOCKER_BUILDKIT=1 docker build --network host --tag "$image" "$root/images/$service" >&2 ||
                fail "the image of $name cannot be built" "see what Docker says above"
        fi
        present || fail "this engine's image $image is not the one that was packed" "see whether another is loaded under its name: docker image rm $image"
    done
}

# An engine that keeps images by their manifests gives the same image another ID; then what it was made of must do.
present() {
    local id made_of
    read -r id made_of < <(docker image inspect --format '{{.Id}} {{index .Config.Labels "flare-composer.inputs"}}' "$image" 2>/dev/null) || return 1
    [[ $id == "$image_id" || $made_of == "$inputs" ]]
}
