import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Dialect, Kysely } from 'kysely';
import { RobleError } from '../../base/errors.js';
import { hideUrlPassword } from '../../base/secret.js';
import { exists } from '../../base/storage/files.js';
import type { DatabaseWaits, Tables } from './tables.js';

const WAITS: DatabaseWaits = { connectMs: 3000, statementMs: 5000 };
/** For reading everything from PostgreSQL. */
const PATIENT_STATEMENT_MS = 120_000;

export interface OpenDatabaseOptions {
  /** The tables have to be there; otherwise file, folder and tables are made. */
  readonly readOnly: boolean;
  /** What is to be waited for longer or shorter than usual. */
  readonly waits?: Partial<DatabaseWaits> | undefined;
}

/** Whether a database is named by the URL of a PostgreSQL server; otherwise it is an SQLite file. */
export function isPostgres(url: string): boolean {
  return /^postgres(ql)?:\/\//.test(url);
}

/** A database in words, without the password that a URL may hold. */
export function describeDatabase(url: string): string {
  if (!isPostgres(url) || !URL.canParse(url)) return hideUrlPassword(url);
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

/**
 * Connects to the database of a log.
 *
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND`, and what the database throws
 */
export async function openDatabase(
  url: string,
  { readOnly, waits }: OpenDatabaseOptions,
): Promise<Kysely<Tables>> {
  const { Kysely } = await import('kysely');
  const patience = readOnly && isPostgres(url) ? { statementMs: PATIENT_STATEMENT_MS } : {};
  const dialect = await dialectOf(url, readOnly, { ...WAITS, ...patience, ...waits });
  const db = new Kysely<Tables>({ dialect });
  try {
    if (!readOnly) await (await import('./tables.js')).migrate(db);
    return db;
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

async function dialectOf(url: string, readOnly: boolean, waits: DatabaseWaits): Promise<Dialect> {
  if (isPostgres(url)) return (await import('./postgres-dialect.js')).postgresDialect(url, waits);
  if (!readOnly) await mkdir(dirname(url), { recursive: true });
  else if (!(await exists(url)))
    throw new RobleError('ROBLE_FILE_NOT_FOUND', `There is no prediction log ${describeDatabase(url)}.`, {
      expected: 'an SQLite file that "roble serve" wrote, or postgres://...',
    });
  return (await import('./sqlite-dialect.js')).sqliteDialect(url, waits.statementMs);
}

/** What a server would meet in a database, which is only looked at. */
export interface DatabaseState {
  /** Whether an earlier server has made its tables. */
  readonly hasTables: boolean;
  /** What the user of the URL may not do and a server needs; only of PostgreSQL. */
  readonly missingRights: readonly string[];
}

/**
 * Looks at the database of a log.
 *
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND` where there is no such file yet, and what the database throws
 */
export async function inspectDatabase(url: string, waits: Partial<DatabaseWaits>): Promise<DatabaseState> {
  const { sql } = await import('kysely');
  const db = await openDatabase(url, { readOnly: true, waits });
  try {
    const tables = await db.introspection.getTables();
    const hasTables = tables.some(({ name }) => name === 'roble_predictions');
    if (!isPostgres(url)) return { hasTables, missingRights: [] };
    const query = hasTables
      ? sql<{ may: boolean }>`select has_table_privilege('roble_predictions', 'insert') as may`
      : sql<{ may: boolean }>`select has_schema_privilege(current_schema(), 'create') as may`;
    const { rows } = await query.execute(db);
    const missing = hasTables ? 'write into roble_predictions' : 'make tables';
    return { hasTables, missingRights: rows[0]?.may ? [] : [missing] };
  } finally {
    await db.destroy();
  }
}
