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
  const db = new Kysely<Tables>({ dialect: await dialectOf(url, readOnly, { ...WAITS, ...waits }) });
  try {
    if (!readOnly) await (await import('./tables.js')).migrate(db);
    return db;
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

async function dialectOf(url: string, readOnly: boolean, waits: DatabaseWaits): Promise<Dialect> {
  if (isPostgres(url)) {
    const patient = { ...waits, statementMs: PATIENT_STATEMENT_MS };
    return (await import('./postgres-dialect.js')).postgresDialect(url, readOnly ? patient : waits);
  }
  if (!readOnly) await mkdir(dirname(url), { recursive: true });
  else if (!(await exists(url)))
    throw new RobleError('ROBLE_FILE_NOT_FOUND', `There is no prediction log ${describeDatabase(url)}.`, {
      expected: 'an SQLite file that "roble serve" wrote, or postgres://...',
    });
  return (await import('./sqlite-dialect.js')).sqliteDialect(url, waits.statementMs);
}
