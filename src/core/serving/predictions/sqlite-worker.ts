import { parentPort, workerData } from 'node:worker_threads';
import Database from 'libsql';

/** The thread of an SQLite database, which does one statement after the other: a slow disk holds up nobody else. */
const { file, busyMs } = workerData as SqliteThreadData;
let opened: Database.Database | undefined;

parentPort!.on('message', (message: ToSqliteThread) => {
  if (message.type === 'close') {
    opened?.close();
    parentPort!.close();
    return;
  }
  const { id, sql, parameters } = message;
  let result: FromSqliteThread['result'];
  try {
    opened ??= open();
    result = run(opened, sql, parameters);
  } catch (error) {
    const { message, code } = error as Error & { code?: string };
    result = { error: { message, ...(code && { code }) } };
  }
  parentPort!.postMessage({ id, result } satisfies FromSqliteThread);
});

function open(): Database.Database {
  const database = new Database(file, { timeout: busyMs });
  // Readers and a writer do not wait for each other. What a power cut takes away is the last moments, never the file.
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = NORMAL');
  return database;
}

function run(database: Database.Database, sql: string, parameters: readonly unknown[]): StatementResult {
  const statement = database.prepare(sql);
  if (statement.reader) return { rows: statement.all(parameters) };
  return { rows: [], changes: statement.run(parameters).changes };
}

/** To the thread that holds the database: a statement, or that it may end. */
export type ToSqliteThread =
  | {
      readonly type: 'statement';
      readonly id: number;
      readonly sql: string;
      readonly parameters: readonly unknown[];
    }
  | { readonly type: 'close' };

export interface FromSqliteThread {
  readonly id: number;
  readonly result: StatementResult | { readonly error: { readonly message: string; readonly code?: string } };
}

export interface StatementResult {
  readonly rows: readonly unknown[];
  /** Rows that were changed, by a statement that gives none. */
  readonly changes?: number;
}

export interface SqliteThreadData {
  readonly file: string;
  /** How long a statement waits for another process that writes. */
  readonly busyMs: number;
}
