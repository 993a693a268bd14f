#!/usr/bin/env bash
# Runs a program where a participant runs, in its workspace, with its Python, its environment and its names:
#
#     exec.sh NAME PROGRAM [ARGUMENT...]
# shellcheck disable=SC2154 # what lib/ knows of a participant
# A bundle is verified before anything of it runs; a deployment is composer's own, on its own machine.
here=$(dirname -- "${BASH_SOURCE[0]}")
[[ ! -e $here/lib/verify.sh && ! -e $here/SHA256SUMS ]] || bash "$here/lib/verify.sh" || exit 1
# shellcheck source-path=SCRIPTDIR source-path=SCRIPTDIR/../scripts source=lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source-path=SCRIPTDIR source=lib/prepare.sh
source "$lib/prepare.sh"

main() {
    local clean
    [[ $# -ge 2 ]] || fail "whose, and which program?" "exec.sh NAME PROGRAM [ARGUMENT...]"
    choose "server relay client" "$1"
    shift
    load "${services[0]}"
    installed || fail "$name has no Python environment here" "start it first: ./start.sh $service"
    enter_names || exit 1
    keep_environment TERM COLUMNS LINES
    cd -- "$workspace" || exit 1
    # Without FLARE_WORKSPACE, by which the participant's own processes are known, and ended.
    exec "${clean[@]}" "PATH=$venv/bin:$PATH" "NO_PROXY=$no_proxy" "no_proxy=$no_proxy" ${environment[@]+"${environment[@]}"} \
        ${enter[@]+"${enter[@]}"} "$@"
}

main "$@"
