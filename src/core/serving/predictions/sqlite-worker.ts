import Database from 'libsql';
import { answerCalls } from '../../base/process/answer-calls.js';

/** The thread of an SQLite database, which does one statement after the other: a slow disk holds up nobody else. */
export type SqliteThread = typeof start;

/** Between two tries to open a file that others open at the same time. */
const PAUSE_MS = 5;

answerCalls(start);

function start({ file, busyMs }: SqliteThreadData) {
  let opened: Database.Database | undefined;
  return {
    run({ sql, parameters }: SqliteStatement): StatementResult {
      opened ??= open(file, busyMs);
      const statement = opened.prepare(sql);
      if (statement.reader) return { rows: statement.all(parameters) };
      return { rows: [], changes: statement.run(parameters).changes };
    },
    close(): void {
      opened?.close();
    },
  };
}

function open(file: string, busyMs: number): Database.Database {
  const database = new Database(file, { timeout: busyMs });
  // Readers and a writer do not wait for each other. What a power cut takes away is the last moments, never the file.
  whenUnlocked(busyMs, () => database.pragma('journal_mode = WAL'));
  database.pragma('synchronous = NORMAL');
  return database;
}

/**
 * SQLite waits for a lock by itself, but not while two processes that read both want to write, as when they open a new
 * file together: one of them is told at once that it is busy, and has to begin again.
 */
function whenUnlocked(busyMs: number, work: () => void): void {
  const end = performance.now() + busyMs;
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (;;)
    try {
      work();
      return;
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'SQLITE_BUSY' || performance.now() > end) throw error;
      Atomics.wait(pause, 0, 0, PAUSE_MS);
    }
}

interface SqliteStatement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

interface StatementResult {
  readonly rows: readonly unknown[];
  /** Rows that were changed, by a statement that gives none. */
  readonly changes?: number;
}

export interface SqliteThreadData {
  readonly file: string;
  /** How long a statement waits for another process that writes. */
  readonly busyMs: number;
}
