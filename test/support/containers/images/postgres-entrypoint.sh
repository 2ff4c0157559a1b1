#!/bin/bash
# As the entry point of the official image does: a new cluster, its start-up files, then the server.
set -euo pipefail
[ "${1:-}" = postgres ] || exec "$@"
mkdir -p "$PGDATA"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  # The arguments are several words.
  # shellcheck disable=SC2086
  initdb --no-sync --pgdata="$PGDATA" --username=postgres --pwfile=<(cat "$POSTGRES_PASSWORD_FILE") $POSTGRES_INITDB_ARGS > /dev/null
  echo "listen_addresses = '*'" >> "$PGDATA/postgresql.conf"
  echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
  pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start > /dev/null
  createdb --username=postgres "$POSTGRES_DB"
  for file in /docker-entrypoint-initdb.d/*.sql; do
    psql -v ON_ERROR_STOP=1 --quiet --username=postgres --dbname="$POSTGRES_DB" --file="$file"
  done
  pg_ctl -D "$PGDATA" -m fast -w stop > /dev/null
fi
exec "$@"
