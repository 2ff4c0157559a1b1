#!/bin/sh
# One backup of the predictions, and of the models when they have changed. What lies in backups/ under its final name is
# whole: it was written under another name, read back and synced first.
#
#   docker compose exec backup /scripts/backup.sh
set -eu
backups=${BACKUPS:-/backups}
metrics=${METRICS:-/metrics}
models=${MODELS:-/models}
keep=${BACKUP_KEEP:-14}
time=$(date -u +%Y%m%dT%H%M%SZ)
PGPASSWORD=$(cat "$PASSWORD_FILE")
export PGPASSWORD

dump="$backups/predictions-$time.dump"
rm -f "$backups"/*.part
pg_dump --format=custom --compress=6 --file="$dump.part"
pg_restore --list "$dump.part" > /dev/null
sync
mv "$dump.part" "$dump"
echo "Wrote $dump ($(wc -c < "$dump") bytes)"

if [ -d "$models" ]; then
  now=$(cd "$models" && find . -type f -exec cksum {} + | sort | cksum)
  if [ "$now" != "$(cat "$backups/models.cksum" 2> /dev/null || true)" ]; then
    archive="$backups/models-$time.tar.gz"
    tar -czf "$archive.part" -C "$models" .
    tar -tzf "$archive.part" > /dev/null
    sync
    mv "$archive.part" "$archive"
    echo "$now" > "$backups/models.cksum"
    echo "Wrote $archive ($(wc -c < "$archive") bytes)"
  fi
fi

# The oldest ones beyond the number to keep.
for kind in predictions models; do
  ls -1 "$backups" | grep "^$kind-" | sort -r | tail -n "+$((keep + 1))" | while read -r old; do
    rm -f "$backups/$old"
    echo "Removed $backups/$old"
  done
done

# For Prometheus, by node-exporter: replaced in one step, so that it never reads half of it.
cat > "$metrics/backup.prom.part" << END
# HELP roble_backup_timestamp_seconds When the last backup was made, since 1970.
# TYPE roble_backup_timestamp_seconds gauge
roble_backup_timestamp_seconds $(date +%s)
# HELP roble_backup_interval_seconds Time between two backups.
# TYPE roble_backup_interval_seconds gauge
roble_backup_interval_seconds $((${BACKUP_HOURS:-24} * 3600))
# HELP roble_backup_bytes Size of the last backup of the predictions.
# TYPE roble_backup_bytes gauge
roble_backup_bytes $(wc -c < "$dump")
END
mv "$metrics/backup.prom.part" "$metrics/backup.prom"
