# Sourced after common.sh: brings the images, and starts the containers.
# shellcheck shell=bash
# shellcheck disable=SC2154 # what is set there is used here

# shellcheck source-path=SCRIPTDIR source=images.sh
source "$lib/images.sh"
# shellcheck source-path=SCRIPTDIR source=run.sh
source "$lib/run.sh"

install() { bring_images; }

launch() {
    prepare "${services[@]}"
    join_network
    say "starting ${services[*]}"
    if has_compose; then
        forget_by_hand "${services[@]}"
        by_compose up --detach --no-build "${services[@]}" >&2 || fail "Docker could not start them" "see what it says above"
    else
        start_by_hand "${services[@]}"
    fi
}
