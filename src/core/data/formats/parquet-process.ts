import { type ChildProcess, fork } from 'node:child_process';
import type { FileMetaData, ParquetRow, SchemaTree } from 'hyparquet';
import { RobleError, type SerializedError } from '../../base/errors.js';

/** What the decoder may have of memory beside the bytes of the pictures; a million rows take less than half of it. */
const MAX_HEAP_MIB = 2048;
/** Whatever takes longer than this does not end; files may lie on a slow disk of the network. */
const BASE_MS = 30_000;
const MS_PER_MIB = 1000;

export type ToParquetChild =
  | { readonly type: 'open'; readonly path: string }
  /** Rows of the open file, of one row group. */
  | {
      readonly type: 'group';
      readonly rowStart: number;
      readonly rowEnd: number;
      readonly columns: readonly string[];
    }
  | { readonly type: 'more' };

interface Opened {
  readonly type: 'opened';
  readonly metadata: FileMetaData;
  readonly schema: SchemaTree;
}

/** Some rows of the row group; none: there are no more. */
interface Rows {
  readonly type: 'rows';
  readonly rows: readonly ParquetRow[];
}

type AnswerTo<Q extends ToParquetChild> = Q['type'] extends 'open' ? Opened : Rows;

export type FromParquetChild =
  | Opened
  | Rows
  | { readonly type: 'damaged'; readonly reason: string }
  | { readonly type: 'failed'; readonly error: SerializedError };

/**
 * Decodes Parquet files in a process of its own, one file at a time, with a limit of time and of memory. The decoder
 * believes the counts in a page: one of nonsense has it write a value a billion times. No thread is enough, because an
 * array that V8 cannot make larger ends the process.
 *
 * Errors: `ROBLE_PARQUET_INVALID`, `ROBLE_WORKER_DIED` where no process can be started, those of reading, and the reason of
 * the signal.
 */
export class ParquetProcess {
  readonly #child: ChildProcess;
  readonly #signal: AbortSignal | undefined;
  #path = '';

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
    this.#child = fork(new URL('./parquet-child.js', import.meta.url), [], {
      execArgv: [`--max-old-space-size=${MAX_HEAP_MIB}`],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    // Somebody hears of it only while they wait for an answer.
    this.#child.on('error', () => {});
  }

  async open(path: string): Promise<Opened> {
    this.#path = path;
    return this.#ask({ type: 'open', path }, 0);
  }

  /** @param bytes of these rows in the file, by which the time that they may take is measured */
  async *rows(
    rowStart: number,
    rowEnd: number,
    columns: readonly string[],
    bytes: number,
  ): AsyncGenerator<ParquetRow> {
    let { rows } = await this.#ask({ type: 'group', rowStart, rowEnd, columns }, bytes);
    while (rows.length > 0) {
      yield* rows;
      ({ rows } = await this.#ask({ type: 'more' }, 0));
    }
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }

  async #ask<Q extends ToParquetChild>(question: Q, bytes: number): Promise<AnswerTo<Q>> {
    const answer = await this.#answer(question, BASE_MS + (Math.max(bytes, 0) / 2 ** 20) * MS_PER_MIB);
    if (answer.type === 'failed') throw RobleError.fromJSON(answer.error);
    if (answer.type === 'damaged') throw this.#invalid(answer.reason);
    return answer as AnswerTo<Q>;
  }

  #answer(question: ToParquetChild, timeoutMs: number): Promise<FromParquetChild> {
    this.#signal?.throwIfAborted();
    const child = this.#child;
    return new Promise<FromParquetChild>((resolve, reject) => {
      const settle = (end: () => void) => {
        clearTimeout(timer);
        this.#signal?.removeEventListener('abort', interrupt);
        child.off('message', hear).off('error', fail).off('exit', leave);
        end();
      };
      const hear = (answer: FromParquetChild) => settle(() => resolve(answer));
      const fail = ({ message }: Error) =>
        settle(() =>
          reject(new RobleError('ROBLE_WORKER_DIED', `The decoder's process cannot be used: ${message}`)),
        );
      const leave = () => settle(() => reject(this.#invalid(this.#end())));
      const interrupt = () => settle(() => reject(this.#signal!.reason));
      const timer = setTimeout(
        () => settle(() => reject(this.#invalid(`nothing decoded in ${Math.round(timeoutMs / 1000)} s`))),
        timeoutMs,
      );
      this.#signal?.addEventListener('abort', interrupt, { once: true });
      child.on('message', hear).on('error', fail).on('exit', leave);
      child.send(question, (error) => error && leave());
    });
  }

  #end(): string {
    const { signalCode, exitCode } = this.#child;
    return `what ended the decoder (${signalCode ?? `exit code ${exitCode}`}), as counts of nonsense do`;
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
