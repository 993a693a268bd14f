# Sourced after common.sh: brings a participant's workspace to what its kit says now, and its names to where they are.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # what is set there is used here, and the other way round

need() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null || fail "there is no \`$tool\` on this machine" "install it, or put it on the PATH"
    done
}

# NVFLARE starts jobs by command lines that it takes apart at blanks and quotes.
movable() {
    [[ $root != *[[:space:]\'\"\\]* ]] || fail "NVFLARE cannot run jobs below $(printf %q "$root"): its path has a blank or a quote in it" "move this folder"
}

# Sets $clean to what starts a program without the environment of whoever starts it, which may hold secrets: a job is
# other people's code, and reads what it is given. What is kept says who the user is, how time and text are written, and
# where programs find libraries and GPUs; what else a participant needs is in composer.yml. Names after these are kept, too.
keep_environment() {
    local variable
    clean=(env -i)
    while IFS= read -r variable; do
        case " HOME USER LOGNAME LANG TZ TMPDIR LD_LIBRARY_PATH NVIDIA_VISIBLE_DEVICES NVIDIA_DRIVER_CAPABILITIES $* " in
            *" $variable "*) ;;
            *) [[ $variable == LC_* || $variable == CUDA_* ]] || continue ;;
        esac
        clean+=("$variable=${!variable}")
    done < <(compgen -e)
}

# The kit itself is only read: NVFLARE gets a copy, in the workspace that it writes to.
prepare() {
    open_folder "$workspace"
    own_folder "$workspace/transfer"
    chmod 0700 "$root/workspaces" "$workspace"
    discard "$workspace/startup" "$workspace/local"
    cp -R -- "$kit/startup" "$workspace/startup"
    cp -R -- "${local:-$kit/local}" "$workspace/local"
    if [[ $type == server ]]; then
        mkdir -p -- "$root/job-store"
        move_storage "$workspace/local" "$root/job-store"
    fi
}

# NVFLARE keeps jobs in /tmp/nvflare unless local/resources.json says otherwise; all servers of a machine share that.
move_storage() {
    "$venv/bin/python3" -I -S - "$@" <<'PYTHON'
import json, os, sys

local, store = sys.argv[1:]
path = os.path.join(local, "resources.json")
source = path if os.path.exists(path) else path + ".default"
with open(source) as stream:
    resources = json.load(stream)


def move(arguments, key):
    # A site that has chosen a place of its own keeps it.
    place = arguments.get(key, "")
    if place.startswith("/tmp/nvflare/"):
        arguments[key] = os.path.join(store, os.path.basename(place))


for component in resources.get("components", []):
    if component.get("id") == "job_manager":
        move(component["args"], "uri_root")
move(resources.get("snapshot_persistor", {}).get("args", {}).get("storage", {}).get("args", {}), "root_dir")
with open(path, "w") as stream:
    json.dump(resources, stream, indent=2)
PYTHON
}

# Sets $enter to what runs a command where the participant's names resolve: nothing, where /etc/hosts says it all,
# else a mount namespace with a hosts file of its own.
enter_names() {
    local unshare=(unshare --mount) lacking=() lines
    enter=()
    look_up
    [[ ${#lacking[@]} -gt 0 ]] || return 0
    [[ $EUID == 0 ]] || unshare=(unshare --user --map-root-user --mount)
    hosts_file
    if [[ -z ${may_unshare-} ]]; then
        may_unshare=no
        ! "${unshare[@]}" bash "$lib/with-hosts.sh" "$workspace/composer.hosts" true 2>/dev/null || may_unshare=yes
    fi
    if [[ $may_unshare == yes ]]; then
        enter=("${unshare[@]}" bash "$lib/with-hosts.sh" "$workspace/composer.hosts")
        return 0
    fi
    lines=$(printf '%s; ' ${lacking[@]+"${lacking[@]}"})
    say "error: /etc/hosts does not lead $name to where its kit dials, and this machine lets nobody but root see another (user namespaces are off)"
    say " hint: add to /etc/hosts, in place of other lines for the same name: ${lines%; }"
    return 1
}

# Sets $lacking to those of the participant's names which /etc/hosts does not have with their address, and no other.
look_up() {
    local entry line field fields found
    for entry in ${hosts[@]+"${hosts[@]}"}; do
        found=""
        while read -r line || [[ -n $line ]]; do
            read -ra fields <<<"${line%%#*}"
            for field in ${fields[@]+"${fields[@]:1}"}; do
                [[ $field != "${entry#* }" ]] || found+="${fields[0]} "
            done
        done </etc/hosts
        [[ $found == "${entry%% *} " ]] || lacking+=("$entry")
    done
}

# Writes the participant's own hosts file: this machine's, without the names that it has anew.
hosts_file() {
    local entry line kept field fields
    own "$workspace/composer.hosts"
    {
        printf '%s\n' ${hosts[@]+"${hosts[@]}"}
        while read -r line || [[ -n $line ]]; do
            read -ra fields <<<"${line%%#*}"
            kept=""
            for field in ${fields[@]+"${fields[@]:1}"}; do
                for entry in ${hosts[@]+"${hosts[@]}"}; do
                    [[ $field != "${entry#* }" ]] || continue 2
                done
                kept+=" $field"
            done
            [[ -z $kept ]] || printf '%s%s\n' "${fields[0]}" "$kept"
        done </etc/hosts
    } >"$workspace/composer.hosts"
    # Others than the participant may look it up, through programs that give up their rights.
    chmod 0644 "$workspace/composer.hosts"
}
