#!/bin/sh
# A backup now, and then one every BACKUP_HOURS hours. One that fails is tried again after five minutes; the alert
# RobleBackupOld tells when it goes on failing.
set -u
trap 'exit 0' TERM INT
while true; do
  if /scripts/backup.sh; then
    pause=$((${BACKUP_HOURS:-24} * 3600))
  else
    echo 'The backup failed; next attempt in 5 minutes' >&2
    pause=300
  fi
  # In the background, so that a signal to stop is heard.
  sleep "$pause" &
  wait $!
done
