#!/usr/bin/env bash
# Opens NVFLARE's admin console, or runs one `nvflare ARGS` as the administrator, in a container:
#
#     admin.sh                              admin.sh job list
#     admin.sh job submit -j ./job          ADMIN=lead@hospital.example admin.sh job list
#
# The container sees the present folder, under the same path.
# A bundle is verified before anything of it runs; a deployment is composer's own, on its own machine.
here=$(dirname -- "${BASH_SOURCE[0]}")
[[ ! -e $here/lib/verify.sh && ! -e $here/SHA256SUMS ]] || bash "$here/lib/verify.sh" || exit 1
# shellcheck source-path=SCRIPTDIR source-path=SCRIPTDIR/../scripts source=lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source-path=SCRIPTDIR source=lib/images.sh
source "$lib/images.sh"
# shellcheck source-path=SCRIPTDIR source=lib/run.sh
source "$lib/run.sh"

main() {
    local here terminal=()
    here=$(pwd -P)
    ready
    choose admin ${ADMIN+"$ADMIN"}
    [[ ${#services[@]} -eq 1 ]] || fail "there are ${#services[@]} admins here" "name one in \$ADMIN"
    bring_images
    prepare "${services[0]}"
    load "${services[0]}"
    join_network
    by_hand
    [[ ! -t 0 || ! -t 1 ]] || terminal=(--tty)
    [[ $# -eq 0 ]] || command=(nvflare "$@")
    # Where nvflare looks for the kit to act with (nvflare/tool/kit/kit_config.py, 2.8 and newer).
    exec docker run --rm --interactive ${terminal[@]+"${terminal[@]}"} "${arguments[@]}" --volume "$here:$here" --workdir "$here" \
        --env NVFLARE_STARTUP_KIT_DIR=/workspace "$image" "${command[@]}"
}

main "$@"
