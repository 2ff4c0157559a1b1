import type { Dialect } from 'kysely';

/** Longest wait for a connection, and for the answer to a statement. */
const CONNECT_MS = 3000;
const STATEMENT_MS = 5000;
/** One writes, the others look for what feedback is given on. */
const MAX_CONNECTIONS = 4;

/** A PostgreSQL database as a dialect of Kysely. */
export async function postgresDialect(url: string): Promise<Dialect> {
  const { PostgresDialect } = await import('kysely');
  const { default: pg } = await import('pg');
  const pool = new pg.Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: STATEMENT_MS,
    keepAlive: true,
    application_name: 'roble',
  });
  // A connection that is lost is an error of the statement that needs it. It is told here, too, and would end the process.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return new PostgresDialect({ pool });
}
