#!/bin/sh
# Starts each API anew, one after the other, without a request lost: nginx sends it nothing new before it is stopped, and
# gets it back when it is well.
#
#   scripts/restart.sh            # all
#   scripts/restart.sh <%= it.apis[0] %>      # one
set -eu
cd "$(dirname "$0")/.."
upstreams=nginx/upstreams/api.conf

tell_nginx() {
  docker compose exec -T nginx nginx -t -q
  docker compose exec -T nginx nginx -s reload
  # New requests use the new configuration by then.
  sleep 1
}

# A changed copy is moved into place: nginx reads it at a reload alone.
in_service() {
  sed "s/^\( *server $1:8080 .*\) down;/\1;/" "$upstreams" > "$upstreams.new"
  mv "$upstreams.new" "$upstreams"
  tell_nginx
}
out_of_service() {
  sed "s/^\( *server $1:8080 [^;]*[^n;]\);/\1 down;/" "$upstreams" > "$upstreams.new"
  mv "$upstreams.new" "$upstreams"
  tell_nginx
}

for api in ${*:-<%= it.apis.join(' ') %>}; do
  echo "Restarting $api"
  out_of_service "$api"
  if ! docker compose up -d --no-deps --force-recreate --wait "$api"; then
    echo "$api does not get well: it stays out of service, and the others go on. Look at: docker compose logs $api" >&2
    exit 1
  fi
  in_service "$api"
done
