#!/bin/sh
# podman's service as the first process of namespaces of its own: nothing that it runs is seen outside, or outlives it.
#
#   unshare --mount --net --pid --fork --kill-child --mount-proc podman.sh SOCKET LOG
set -eu
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /dev/shm
ip link set lo up
# A bridge has the lowest address of what hangs on it, until it is given one: containers would go on asking for names at an
# address that it no longer has.
set_addresses() {
  known=
  while read -r _ name rest; do
    case $name$known in
      podman*:*" $name "*) ;;
      podman*:*)
        known="$known $name "
        address=${rest##*link/ether }
        ip link set "${name%:}" address "${address%% *}" || true
        ;;
    esac
  done
}
ip -oneline monitor link | set_addresses &
# It asks which package each of its programs is of, for every client anew.
mount --bind /bin/false /usr/bin/dpkg-query
podman system service --time 0 "unix://$1" 2> "$2" &
wait
