#!/bin/sh
# Serves Podman's API on podman.sock in the folder $1 until its standard input ends, which it does with whoever holds
# the other end of it, however that one ends. The folder goes with the socket.
set -u
podman system service --time 0 "unix://$1/podman.sock" </dev/null &
service=$!
cat >/dev/null
kill "$service" 2>/dev/null
wait "$service"
rm -rf -- "$1"
