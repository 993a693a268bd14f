#!/usr/bin/env bash
# Looks at this host before anything runs, and says what to do about what it finds: check.sh
# Status 0: all is well, or only warnings. 1: it could not start.
# A bundle is verified before anything of it runs; a deployment is composer's own, on its own machine.
here=$(dirname -- "${BASH_SOURCE[0]}")
[[ ! -e $here/lib/verify.sh && ! -e $here/SHA256SUMS ]] || bash "$here/lib/verify.sh" || exit 1
# shellcheck source-path=SCRIPTDIR source-path=SCRIPTDIR/../scripts source=lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source-path=SCRIPTDIR source=lib/images.sh
source "$lib/images.sh"

main() {
    ready
    choose "server relay client admin"
    bring_images
    docker compose version >/dev/null 2>&1 || say "Compose v2 is not here: plain \`docker run\` will do"
    say "checked: ${services[*]}"
}

main "$@"
