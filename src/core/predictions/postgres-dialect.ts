import type { Dialect } from 'kysely';

/** Longest wait for a connection, and for the answer to a statement: of a server, and of somebody who reads all. */
const CONNECT_MS = 3000;
const STATEMENT_MS = 5000;
const PATIENT_STATEMENT_MS = 120_000;
/** One writes, the others look for what feedback is given on. */
const MAX_CONNECTIONS = 4;

/** A PostgreSQL database as a dialect of Kysely. */
export async function postgresDialect(
  url: string,
  { isPatient }: { readonly isPatient: boolean },
): Promise<Dialect> {
  const { PostgresDialect } = await import('kysely');
  const { default: pg } = await import('pg');
  const pool = new pg.Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: isPatient ? PATIENT_STATEMENT_MS : STATEMENT_MS,
    keepAlive: true,
    application_name: 'roble',
  });
  // A connection that is lost is an error of the statement that needs it. It is told here, too, and would end the process.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return new PostgresDialect({ pool });
}
