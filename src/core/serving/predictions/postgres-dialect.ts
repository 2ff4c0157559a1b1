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
  const pool = new pg.Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: connectMs,
    query_timeout: statementMs,
    keepAlive: true,
    application_name: 'roble',
  });
  // A connection that is lost is an error of the statement that needs it. It is told here, too, and would end the process.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return new PostgresDialect({ pool });
}
