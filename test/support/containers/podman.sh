#!/bin/sh
# podman's service as the first process of namespaces of its own: nothing that it runs is seen outside, or outlives it.
#
#   unshare --mount --net --pid --fork --kill-child --mount-proc podman.sh SOCKET LOG
set -eu
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /dev/shm
ip link set lo up
podman system service --time 0 "unix://$1" 2> "$2" &
wait
