#!/usr/bin/env bash
# Prints a line for each participant here: status.sh [NAME...]   Status 3 unless all run and are registered.
# shellcheck disable=SC2154 # what lib/ knows of a participant
# A bundle is verified before anything of it runs; a deployment is composer's own, here or where it was delivered to.
here=$(dirname -- "${BASH_SOURCE[0]}")
[[ ! -e $here/lib/verify.sh && ! -e $here/SHA256SUMS ]] || grep -qs '  \.deployment$' "$here/SHA256SUMS" || bash "$here/lib/verify.sh" --quick || exit 1
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"

main() {
    local well=yes line='%-24s %-8s %-11s %-11s %s\n'
    ready
    choose "server relay client" "$@"
    # shellcheck disable=SC2059
    printf "$line" NAME TYPE STATE REGISTERED SINCE
    for service in ${services[@]+"${services[@]}"}; do
        load "$service"
        observe
        # shellcheck disable=SC2059
        printf "$line" "$name" "$type" "$state" "$registered" "$since"
        [[ $state == running && $registered == yes ]] || well=""
    done
    [[ -n $well ]] || exit 3
}

main "$@"
