import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import type { RobleError } from '../../base/errors.js';
import { type RunningWorker, startThread } from '../../base/process/workers.js';
import type { SqliteThread, SqliteThreadData } from './sqlite-worker.js';

/**
 * An SQLite file, in a thread of its own, as a dialect of Kysely.
 *
 * @param busyMs how long a statement waits for another process that writes
 */
export function sqliteDialect(file: string, busyMs: number): Dialect {
  return {
    createAdapter: () => new TransactionalAdapter(),
    createDriver: () => new ThreadDriver({ file, busyMs }),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

/** A transaction takes the right to write at its begin, so it is what keeps migrations apart. */
class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

/** One connection, which its users take in turns. */
class ThreadDriver implements Driver {
  readonly #data: SqliteThreadData;
  #connection: ThreadConnection | undefined;
  #turn: Promise<void> = Promise.resolve();
  #release = () => {};

  constructor(data: SqliteThreadData) {
    this.#data = data;
  }

  async init(): Promise<void> {
    this.#connection = new ThreadConnection(this.#data);
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    const before = this.#turn;
    let release!: () => void;
    this.#turn = new Promise((resolve) => {
      release = resolve;
    });
    await before;
    this.#release = release;
    return this.#connection!;
  }

  async releaseConnection(): Promise<void> {
    this.#release();
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'));
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('rollback'));
  }

  async destroy(): Promise<void> {
    await this.#connection?.close();
  }
}

class ThreadConnection implements DatabaseConnection {
  readonly #thread: RunningWorker<SqliteThread>;

  constructor(data: SqliteThreadData) {
    this.#thread = startThread<SqliteThread>(new URL('./sqlite-worker.js', import.meta.url), data, {
      name: 'The thread of the database',
    });
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    try {
      const { rows, changes } = await this.#thread.call('run', { sql, parameters });
      return { rows: rows as R[], ...(changes !== undefined && { numAffectedRows: BigInt(changes) }) };
    } catch (error) {
      // As the database throws it: its codes say what can be done.
      throw (error as RobleError).cause ?? new Error((error as RobleError).message);
    }
  }

  // biome-ignore lint/correctness/useYield: pages of rows are asked for instead.
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('This database does not stream rows.');
  }

  async close(): Promise<void> {
    // A thread that ended by itself has nothing to close.
    await this.#thread.call('close', undefined).catch(() => {});
    await this.#thread.kill();
  }
}
