#!/bin/sh
# Makes each API anew, one after the other, without a request lost: an API that stops finishes what it has, and nginx asks
# the other ones meanwhile.
#
#   scripts/restart.sh            # all
#   scripts/restart.sh <%= it.apis[0] %>      # one
set -eu
cd "$(dirname "$0")/.."
for api in ${*:-<%= it.apis.join(' ') %>}; do
  echo "Restarting $api"
  if ! docker compose up -d --no-deps --force-recreate --wait "$api"; then
    echo "$api does not get well; the others go on. Look at: docker compose logs $api" >&2
    exit 1
  fi
  # Until nginx, which passes over one that failed for five seconds, asks it again.
  sleep 6
done
