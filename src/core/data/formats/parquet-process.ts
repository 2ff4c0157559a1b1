import type { ParquetRow } from 'hyparquet';
import { RobleError } from '../../base/errors.js';
import { type RunningWorker, startChild, WorkerDied } from '../../base/process/workers.js';
import type { ParquetWorker } from './parquet-worker.js';

/** What the decoder may have of memory beside the bytes of the pictures; a million rows take less than half of it. */
const MAX_HEAP_MIB = 2048;
/** Whatever takes longer than this does not end; files may lie on a slow disk of the network. */
const BASE_MS = 30_000;
const MS_PER_MIB = 1000;

/**
 * Decodes Parquet files in a process of its own, one file at a time, with a limit of time and of memory. The decoder
 * believes the counts in a page: one of nonsense has it write a value a billion times. No thread is enough, because an
 * array that V8 cannot make larger ends the process.
 *
 * Errors: `ROBLE_PARQUET_INVALID`, `ROBLE_WORKER_DIED` where no process can be started, those of reading, and the reason of
 * the signal.
 */
export class ParquetProcess {
  readonly #decoder: RunningWorker<ParquetWorker>;
  readonly #signal: AbortSignal | undefined;
  #path = '';

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
    this.#decoder = startChild<ParquetWorker>(new URL('./parquet-worker.js', import.meta.url), undefined, {
      name: "The decoder's process",
      maxHeapMiB: MAX_HEAP_MIB,
    });
  }

  open(path: string) {
    this.#path = path;
    return this.#inTime(0, (limits) => this.#decoder.call('open', path, limits));
  }

  /** @param bytes of these rows in the file, by which the time that they may take is measured */
  async *rows(
    rowStart: number,
    rowEnd: number,
    columns: readonly string[],
    bytes: number,
  ): AsyncGenerator<ParquetRow> {
    const wanted = { rowStart, rowEnd, columns };
    let rows = await this.#inTime(bytes, (limits) => this.#decoder.call('group', wanted, limits));
    while (rows.length > 0) {
      yield* rows;
      rows = await this.#inTime(0, (limits) => this.#decoder.call('more', undefined, limits));
    }
  }

  close(): void {
    void this.#decoder.kill();
  }

  async #inTime<T>(
    bytes: number,
    call: (limits: { timeoutMs: number; signal: AbortSignal | undefined }) => Promise<T>,
  ): Promise<T> {
    const timeoutMs = BASE_MS + (Math.max(bytes, 0) / 2 ** 20) * MS_PER_MIB;
    try {
      return await call({ timeoutMs, signal: this.#signal });
    } catch (error) {
      const damage = damageOf(error, timeoutMs);
      throw damage === undefined ? error : this.#invalid(damage);
    }
  }

  #invalid(received: string): RobleError {
    return new RobleError('ROBLE_PARQUET_INVALID', `${this.#path} cannot be decoded.`, {
      received,
      expected: 'a whole Parquet file',
      nextSteps: [
        'Copy or download the file again.',
        'If it is whole, write it again with fewer rows in a row group, such as 1000.',
      ],
    });
  }
}

/** What an error says of the file; undefined where it says nothing of that. */
function damageOf(error: unknown, timeoutMs: number): string | undefined {
  if (error instanceof WorkerDied) {
    const { notStarted, killedFor, signal, code } = error.exit;
    if (notStarted) return undefined;
    if (killedFor === 'deadline') return `nothing decoded in ${Math.round(timeoutMs / 1000)} s`;
    return `what ended the decoder (${signal ?? `exit code ${code}`}), as counts of nonsense do`;
  }
  return error instanceof RobleError && error.code === 'ROBLE_PARQUET_INVALID' ? error.message : undefined;
}
