import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const POSTGRES_PROGRAMS = '/usr/lib/postgresql/15/bin';

/** As the entry point of the image of PostgreSQL does: a new cluster, its start-up files, then the server. */
const POSTGRES_START = `
set -eu
data=/var/lib/postgresql/data
if [ ! -s "$data/PG_VERSION" ]; then
  printf '%s' "$(cat "$POSTGRES_PASSWORD_FILE")" > /tmp/password
  initdb --no-sync --pgdata="$data" --username=postgres --auth-local=trust --pwfile=/tmp/password $POSTGRES_INITDB_ARGS > /dev/null
  echo 'host all all all scram-sha-256' >> "$data/pg_hba.conf"
  pg_ctl -D "$data" -o "-c listen_addresses=''" -w start > /dev/null
  createdb --username=postgres "$POSTGRES_DB"
  for file in /docker-entrypoint-initdb.d/*.sql; do
    psql -v ON_ERROR_STOP=1 --quiet --username=postgres --dbname="$POSTGRES_DB" --file="$file"
  done
  pg_ctl -D "$data" -m fast -w stop > /dev/null
fi
exec postgres -D "$data" -c listen_addresses='*'`;

/** The program of a service's image; undefined where Debian has none. */
export function imageOf(name, service, folder) {
  const own = service.command ?? [];
  const image = service.image.split('/').pop().split(':')[0];
  switch (image) {
    case 'nginx':
      return { command: ['nginx', '-g', 'daemon off;'] };
    case 'redis':
      return { command: own };
    case 'postgres': {
      const environment = { PATH: `${POSTGRES_PROGRAMS}:/usr/bin:/bin` };
      return name === 'backup'
        ? { command: service.entrypoint, environment }
        : { command: ['sh', '-c', POSTGRES_START], environment };
    }
    case 'prometheus':
      return { command: ['prometheus', ...own] };
    case 'node-exporter':
      return { command: ['prometheus-node-exporter', ...own] };
    case 'grafana':
    case 'k6':
      return undefined;
    default:
      return fromDockerfile(folder);
  }
}

/** Where the package lies that the build stage installed, and its start as the Dockerfile says it. */
function fromDockerfile(folder) {
  const text = readFileSync(join(folder, 'Dockerfile'), 'utf8');
  const list = (instruction) => JSON.parse(new RegExp(`^${instruction} (\\[.*\\])$`, 'm').exec(text)[1]);
  return {
    command: [...list('ENTRYPOINT'), ...list('CMD')],
    environment: { NODE_ENV: 'production' },
    workingFolder: /^WORKDIR (\/etc\S*)$/m.exec(text)[1],
  };
}
