import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
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
import type { FromSqliteThread, SqliteThreadData, StatementResult, ToSqliteThread } from './sqlite-worker.js';

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
  readonly #thread: Worker;
  readonly #waiting = new Map<
    number,
    { resolve(result: StatementResult): void; reject(error: Error): void }
  >();
  #count = 0;
  #ended: Error | undefined;

  constructor(workerData: SqliteThreadData) {
    this.#thread = new Worker(new URL('./sqlite-worker.js', import.meta.url), { workerData });
    this.#thread.on('message', (message: FromSqliteThread) => this.#settle(message));
    this.#thread.on('error', (error) => this.#end(error));
    this.#thread.on('exit', () => this.#end(new Error('The thread of the database ended.')));
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#ended) throw this.#ended;
    const id = this.#count++;
    const { rows, changes } = await new Promise<StatementResult>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#send({ type: 'statement', id, sql, parameters });
    });
    return { rows: rows as R[], ...(changes !== undefined && { numAffectedRows: BigInt(changes) }) };
  }

  // biome-ignore lint/correctness/useYield: pages of rows are asked for instead.
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('This database does not stream rows.');
  }

  async close(): Promise<void> {
    if (this.#ended) return;
    const exited = once(this.#thread, 'exit');
    this.#send({ type: 'close' });
    await exited;
  }

  #send(message: ToSqliteThread): void {
    this.#thread.postMessage(message);
  }

  #settle({ id, result }: FromSqliteThread): void {
    const waiting = this.#waiting.get(id)!;
    this.#waiting.delete(id);
    if ('error' in result) waiting.reject(Object.assign(new Error(result.error.message), result.error));
    else waiting.resolve(result);
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#ended);
    this.#waiting.clear();
  }
}
