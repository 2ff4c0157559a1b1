#!/bin/sh
# Puts the predictions of a backup in the place of those that are in the database, in one transaction: it works wholly or
# changes nothing. A backup of what is there now is made first. The APIs go on meanwhile; what they answer waits for it.
#
#   make restore FILE=backups/predictions-20260101T000000Z.dump
set -eu
file=${1:?'Which backup? make restore FILE=backups/predictions-TIME.dump'}
cd "$(dirname "$0")/.."
if [ ! -f "$file" ]; then
  echo "There is no $file; there are:" >&2
  ls -1 backups >&2
  exit 2
fi
docker compose exec -T backup /scripts/backup.sh
docker compose exec -T postgres pg_restore \
  --username=postgres --dbname=roble --clean --if-exists --single-transaction --exit-on-error < "$file"
echo "Restored $file"
