/**
 * Child processes and threads of our own, which answer calls: a file that calls `answerCalls` (`answer-calls.ts`) is
 * started here, in a process where native code may crash, hang or take all memory, in a thread where it may not.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Worker as Thread } from 'node:worker_threads';
import { RobleError } from '../errors.js';
import { errorOf, type FromWorker, type Moved, type StartWorker, type ToWorker } from './answer-calls.js';

/** Characters of what a child wrote on standard error that are kept. */
const LAST_WORDS = 4000;
/** A process that the child started may hold its standard error open; nobody waits longer for that to be closed. */
const CLOSE_MS = 5000;

type CallsOf<W extends StartWorker> = Awaited<ReturnType<W>>;
type StartOf<W extends StartWorker> = Parameters<W>[0];
type EventOf<W extends StartWorker> = Parameters<W>[1] extends (event: infer Event) => void ? Event : never;
type ArgumentOf<F> = F extends (argument: infer Argument) => unknown ? Argument : never;
type AnswerOf<F> = F extends (argument: never) => infer Answer ? Unmoved<Awaited<Answer>> : never;
type Unmoved<T> = T extends Moved<infer Value> ? Value : T;

export interface WorkerOptions<W extends StartWorker> {
  /** What it is, as the beginning of a sentence: "An inference process". */
  readonly name: string;
  readonly onEvent?: (event: EventOf<W>) => void;
  /** What runs in it besides roble, by names and versions: told where it ends without a word of its own. */
  readonly guests?: readonly string[] | undefined;
}

export interface ChildOptions<W extends StartWorker> extends WorkerOptions<W> {
  /** Called with each line that it writes on standard error, as native code does. */
  readonly onLine?: (line: string) => void;
  readonly maxHeapMiB?: number;
}

export interface CallOptions {
  /** The worker is killed when it has not answered by then: nothing else ends what it does. */
  readonly timeoutMs?: number | undefined;
  /** Aborting it kills the worker too, and rejects the call with the reason. */
  readonly signal?: AbortSignal | undefined;
  /** Buffers of the argument that move to a thread instead of being copied. */
  readonly move?: readonly ArrayBuffer[] | undefined;
}

/** How a worker ended. */
export interface WorkerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The end of what it wrote on standard error. */
  readonly lastWords: string;
  /** What {@link RunningWorker.kill} was given; `deadline` where a call was not answered in time. */
  readonly killedFor?: string | undefined;
  /** Why there was no process at all. */
  readonly notStarted?: Error;
  /** {@link WorkerOptions.guests} */
  readonly guests?: readonly string[] | undefined;
}

/** What to look at where a process or thread with plugins from outside has ended; empty where it had none. */
export const describeGuests = (guests: readonly string[] = []): string =>
  guests.length > 0 ? ` Plugins from outside in use: ${guests.join(', ')}.` : '';

/** A worker is gone. Calls that it did not answer, and later ones, are rejected with it. */
export class WorkerDied extends RobleError {
  readonly exit: WorkerExit;

  constructor(name: string, exit: WorkerExit) {
    const { notStarted, killedFor, signal, code, guests } = exit;
    const how = notStarted
      ? `could not be started: ${notStarted.message}`
      : killedFor === 'deadline'
        ? 'did not answer in time'
        : `ended with ${signal ?? `exit code ${code}`}`;
    super(
      'ROBLE_WORKER_DIED',
      `${name} ${how}.${describeGuests(guests)}`,
      notStarted && { cause: notStarted },
    );
    this.exit = exit;
  }
}

/**
 * Starts a child process: a crash of native code takes only that one with it.
 *
 * @example
 * import type { Squarer } from './squarer.js';
 * const child = startChild<Squarer>(new URL('./squarer.js', import.meta.url), { offset: 1 }, { name: 'The squarer' });
 * const ten = await child.call('square', 3, { timeoutMs: 1000 });
 * await child.kill();
 */
export function startChild<W extends StartWorker>(
  file: URL,
  start: StartOf<W>,
  options: ChildOptions<W>,
): RunningWorker<W> {
  const child = fork(file, [], {
    execArgv: options.maxHeapMiB ? [`--max-old-space-size=${options.maxHeapMiB}`] : [],
    serialization: 'advanced',
    // Shared, standard error would block its parent when nobody reads it: a child takes the flag off that prevents it.
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  return new RunningWorker(childConnection(child, options.onLine), start, options);
}

/** Starts a thread. It shares memory with its parent, and an uncaught crash of native code ends both. */
export function startThread<W extends StartWorker>(
  file: URL,
  start: StartOf<W>,
  options: WorkerOptions<W>,
): RunningWorker<W> {
  const thread = new Thread(file, { stdout: true });
  // Standard output belongs to the command.
  thread.stdout.pipe(process.stderr, { end: false });
  return new RunningWorker(threadConnection(thread), start, options);
}

/** A worker that was started. Everything that it throws arrives as a {@link RobleError}, its cause with it. */
export class RunningWorker<W extends StartWorker> {
  /** Resolves when it is ready for calls, which may be made before; rejects where it cannot be, and the worker is killed. */
  readonly started: Promise<void>;
  /** Gives why it can be asked no longer, when it is gone. Never rejects. */
  readonly ended: Promise<RobleError>;
  readonly #connection: Connection;
  readonly #name: string;
  readonly #guests: readonly string[] | undefined;
  readonly #calls = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>();
  #count = 0;
  #failure: RobleError | undefined;
  #killedFor: string | undefined;

  constructor(connection: Connection, start: StartOf<W>, { name, onEvent, guests }: WorkerOptions<W>) {
    this.#connection = connection;
    this.#name = name;
    this.#guests = guests;
    this.ended = new Promise((resolve) => {
      connection.listen(
        (message) => {
          if (message.type === 'event') onEvent?.(message.event as EventOf<W>);
          else this.#settle(message);
        },
        (end, thrown) => {
          this.#failure ??= thrown === undefined ? this.#died(end) : this.#uncaught(thrown);
          for (const { reject } of this.#calls.values()) reject(this.#failure);
          this.#calls.clear();
          resolve(this.#failure);
        },
      );
    });
    this.started = this.#send({ type: 'start', id: 0, argument: start }, {}) as Promise<void>;
    this.started.catch((error) => {
      this.#failure ??= error;
      void this.kill();
    });
  }

  get processId(): number | undefined {
    return this.#connection.processId;
  }

  /** @throws {RobleError} what the worker throws, or {@link WorkerDied} */
  async call<Name extends keyof CallsOf<W> & string>(
    name: Name,
    argument: ArgumentOf<CallsOf<W>[Name]>,
    options: CallOptions = {},
  ): Promise<AnswerOf<CallsOf<W>[Name]>> {
    options.signal?.throwIfAborted();
    const id = ++this.#count;
    return (await this.#send({ type: 'call', id, name, argument }, options)) as AnswerOf<CallsOf<W>[Name]>;
  }

  /** Ends it at once. @param reason comes back as {@link WorkerExit.killedFor} */
  kill(reason?: string): Promise<RobleError> {
    this.#killedFor ??= reason;
    this.#connection.kill();
    return this.ended;
  }

  /** Lets it leave by itself. */
  close(): Promise<RobleError> {
    this.#connection.send({ type: 'leave' }, []);
    return this.ended;
  }

  async #send(
    message: Exclude<ToWorker, { type: 'leave' }>,
    { timeoutMs, signal, move = [] }: CallOptions,
  ): Promise<unknown> {
    if (this.#failure) throw this.#failure;
    let timer: NodeJS.Timeout | undefined;
    let abort = () => {};
    try {
      return await new Promise((resolve, reject) => {
        this.#calls.set(message.id, { resolve, reject });
        abort = () => {
          void this.kill('abort');
          reject(signal!.reason);
        };
        signal?.addEventListener('abort', abort);
        if (timeoutMs !== undefined)
          timer = setTimeout(() => {
            void this.kill('deadline');
            // Its end is not waited for: a process that a driver holds up in the kernel has none.
            reject(this.#died({ code: null, signal: null }));
          }, timeoutMs);
        this.#connection.send(message, move);
      });
    } finally {
      this.#calls.delete(message.id);
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    }
  }

  #settle(message: Exclude<FromWorker, { type: 'event' }>): void {
    const call = this.#calls.get(message.id);
    if (message.type === 'answer') call?.resolve(message.value);
    else call?.reject(errorOf(message.failure));
  }

  #died(end: End): WorkerDied {
    const lastWords = this.#connection.lastWords();
    return new WorkerDied(this.#name, {
      ...end,
      lastWords,
      killedFor: this.#killedFor,
      guests: this.#guests,
    });
  }

  /** What a thread threw outside of any call; with guests it is not known whose it is. */
  #uncaught(thrown: unknown): RobleError {
    const error = RobleError.from(thrown);
    if (error.code !== 'ROBLE_INTERNAL' || !this.#guests?.length) return error;
    const message = `${this.#name} ended with an error that nobody caught: ${error.message}.`;
    return new RobleError('ROBLE_WORKER_DIED', message + describeGuests(this.#guests), { cause: thrown });
  }
}

type End = Pick<WorkerExit, 'code' | 'signal' | 'notStarted'>;

/** What a {@link RunningWorker} needs of a process or a thread. */
interface Connection {
  readonly processId: number | undefined;
  send(message: ToWorker, move: readonly ArrayBuffer[]): void;
  kill(): void;
  lastWords(): string;
  /** @param onEnd called after the last message, for a thread with what it did not catch */
  listen(onMessage: (message: FromWorker) => void, onEnd: (end: End, thrown?: unknown) => void): void;
}

function childConnection(child: ChildProcess, onLine: ((line: string) => void) | undefined): Connection {
  let lastWords = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    lastWords = (lastWords + chunk).slice(-LAST_WORDS);
  });
  if (onLine && child.stderr) createInterface({ input: child.stderr }).on('line', onLine);
  return {
    processId: child.pid,
    // A message to a process that is dying is lost; its end, which follows, takes care of the calls.
    send: (message) => void (child.connected && child.send(message, () => {})),
    kill: () => void child.kill('SIGKILL'),
    lastWords: () => lastWords.trim(),
    listen(onMessage, onEnd) {
      child.on('message', onMessage);
      child.on('error', (notStarted) => {
        // The system may have too many processes, or no memory. Without a process there is no exit to wait for.
        if (child.pid === undefined) onEnd({ code: null, signal: null, notStarted });
      });
      if (child.pid === undefined) return;
      // At the exit, messages and last words may still be on their way.
      let late: NodeJS.Timeout | undefined;
      child.once('exit', (code, signal) => {
        late = setTimeout(onEnd, CLOSE_MS, { code, signal });
      });
      child.once('close', (code, signal) => {
        clearTimeout(late);
        onEnd({ code, signal });
      });
    },
  };
}

function threadConnection(thread: Thread): Connection {
  let thrown: unknown;
  return {
    processId: undefined,
    send: (message, move) => thread.postMessage(message, move),
    kill: () => void thread.terminate(),
    lastWords: () => '',
    listen(onMessage, onEnd) {
      thread.on('message', onMessage);
      thread.once('error', (error) => {
        thrown = error;
      });
      thread.once('exit', (code) => onEnd({ code, signal: null }, thrown));
    },
  };
}
