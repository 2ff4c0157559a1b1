import type { Dialect } from 'kysely';
import type { DatabaseWaits } from './tables.js';

/** One writes, the others look for what feedback is given on. */
const MAX_CONNECTIONS = 4;

/** A PostgreSQL database as a dialect of Kysely. */
export async function postgresDialect(
  url: string,
  { connectMs, statementMs }: DatabaseWaits,
): Promise<Dialect> {
  const { PostgresDialect } = await import('kysely');
  const { default: pg } = await import('pg');
  const connections = new pg.Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: connectMs,
    query_timeout: statementMs,
    keepAlive: true,
    application_name: 'roble',
  });
  // A lost connection fails the statement that needs it. Without these listeners it would end the process, too.
  connections.on('error', () => {});
  connections.on('connect', (client) => client.on('error', () => {}));
  return new PostgresDialect({ pool: connections });
}
