#!/usr/bin/env bash
# Tells Docker whether a participant does what it is there for, without a word to NVFLARE itself:
#
#     healthcheck.sh server PORT SECURITY     its port answers a TLS handshake as the kit's own identity
#     healthcheck.sh client PORT              it is registered, and its connection to PORT is open
#     healthcheck.sh relay PORT               the same
set -uo pipefail

workspace=${FLARE_WORKSPACE:-/workspace}
type=$1
port=$2

if [[ $type == server ]]; then
    exec python3 -I - "$workspace/startup" "$port" "$3" <<'PYTHON'
import socket, ssl, sys

startup, port, security = sys.argv[1:]
with socket.create_connection(("127.0.0.1", int(port)), timeout=5) as connection:
    if security != "clear":
        context = ssl.create_default_context(cafile=f"{startup}/rootCA.pem")
        # Certificates of NVFLARE 2.6 and older lack key identifiers, which Python 3.13 demands and NVFLARE does not.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.check_hostname = False
        if security == "mtls":
            context.load_cert_chain(f"{startup}/server.crt", f"{startup}/server.key")
        context.wrap_socket(connection).close()
print("serving")
PYTHON
fi

# Jobs write to the same folder: it may be a link or a pipe by now.
for file in composer.state composer.pid; do
    [[ -f $workspace/$file && ! -L $workspace/$file ]] || { printf '%s is no file\n' "$file" && exit 1; }
done
read -rn 64 state <"$workspace/composer.state"
printf '%s\n' "$state"
[[ $state == registered* ]] || exit 1
read -rn 16 pid <"$workspace/composer.pid"
sockets=$(ls -l "/proc/$pid/fd")
printf -v suffix ':%04X' "$port"
# Columns of /proc/net/tcp: the third is the remote address, the fourth the state (01 is established), the tenth
# the inode. With host networking it lists all of the host's connections, and bash reads it fast only as a whole.
for table in /proc/net/tcp /proc/net/tcp6; do
    [[ -r $table ]] || continue
    mapfile -t lines <"$table"
    for line in "${lines[@]}"; do
        [[ $line == *"$suffix 01 "* ]] || continue
        read -ra columns <<<"$line"
        [[ $sockets == *"socket:[${columns[9]}]"* ]] && exit 0
    done
done
printf 'no open connection to port %s\n' "$port"
exit 1
