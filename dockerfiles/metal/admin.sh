#!/usr/bin/env bash
# Opens NVFLARE's admin console, or runs one `nvflare ARGS` as the administrator:
#
#     admin.sh                              admin.sh job list
#     admin.sh job submit -j ./job          ADMIN=lead@hospital.example admin.sh job list
# shellcheck disable=SC2154 # what lib/ knows of a participant
# A bundle is verified before anything of it runs; a deployment is composer's own, here or where it was delivered to.
here=$(dirname -- "${BASH_SOURCE[0]}")
[[ ! -e $here/lib/verify.sh && ! -e $here/SHA256SUMS ]] || grep -qs '  \.deployment$' "$here/SHA256SUMS" || bash "$here/lib/verify.sh" || exit 1
# shellcheck source-path=SCRIPTDIR source-path=SCRIPTDIR/../scripts source=lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source-path=SCRIPTDIR source=lib/prepare.sh
source "$lib/prepare.sh"

main() {
    local command clean
    choose admin ${ADMIN+"$ADMIN"}
    [[ ${#services[@]} -eq 1 ]] || fail "there are ${#services[@]} admins here" "name one in \$ADMIN"
    load "${services[0]}"
    installed || bash "$lib/venv.sh"
    [[ -e $workspace/startup/fed_admin.json ]] || prepare
    enter_names || exit 1
    command=("$venv/bin/python3" -m nvflare.cli "$@")
    if [[ $# -eq 0 ]]; then
        say "this is NVFLARE's own console; at «User Name» type $name"
        command=("$venv/bin/python3" -m nvflare.fuel.hci.tools.admin -m "$workspace" -s fed_admin.json)
    fi
    # Where nvflare looks for the kit to act with (nvflare/tool/kit/kit_config.py, 2.8 and newer).
    keep_environment TERM COLUMNS LINES
    exec "${clean[@]}" "PATH=$venv/bin:$PATH" "NVFLARE_STARTUP_KIT_DIR=$workspace" "NVFLARE_DATUM_DIR=$workspace/datums" "NO_PROXY=$no_proxy" \
        "no_proxy=$no_proxy" ${environment[@]+"${environment[@]}"} ${enter[@]+"${enter[@]}"} "${command[@]}"
}

main "$@"
