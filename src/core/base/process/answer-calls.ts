/** The side of a worker, a child process or a thread: its file calls {@link answerCalls}, and its parent is in `workers.ts`. */
import { parentPort } from 'node:worker_threads';
import { RobleError, type SerializedError } from '../errors.js';

/** What a worker can be asked: each function takes one value and gives one, both plain data. */
export type Handlers = Readonly<Record<string, (argument: never) => unknown>>;

/**
 * Makes a worker ready with what it was started with, and gives what it can be asked. Its type is the protocol: a worker's
 * file exports it, and the parent imports it with a separate `import type`, since any other import would start the worker
 * in its parent.
 */
export type StartWorker = (start: never, emit: (event: unknown) => void) => Handlers | Promise<Handlers>;

/** A value whose buffers move to the parent instead of being copied. Only threads can move them. */
export class Moved<T> {
  constructor(
    readonly value: T,
    readonly buffers: ArrayBuffer[],
  ) {}
}

export type ToWorker =
  | { readonly type: 'start'; readonly id: number; readonly argument: unknown }
  | { readonly type: 'call'; readonly id: number; readonly name: string; readonly argument: unknown }
  /** No more calls will come. */
  | { readonly type: 'leave' };

export type FromWorker =
  | { readonly type: 'event'; readonly event: unknown }
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly type: 'failure'; readonly id: number; readonly failure: Failure };

/** An error on its way to the parent, with what is known of the error behind it. */
interface Failure extends SerializedError {
  readonly cause?: { readonly message: string; readonly code?: unknown; readonly stack?: string | undefined };
}

export interface AnswerOptions {
  /**
   * Called in a child process whose parent is gone, or needs it no longer: it leaves when the calls in work are answered.
   * Without it, it leaves at once.
   */
  readonly wrapUp?: () => void;
}

/**
 * Answers the calls of the parent, each as it comes. A child process ends with its parent, and leaves it to the parent
 * when to end for a signal: a terminal sends those to the whole group.
 *
 * @example
 * export type Squarer = typeof start;
 * answerCalls(start);
 * function start({ offset }: { offset: number }) {
 *   return { square: (x: number) => x * x + offset };
 * }
 */
export function answerCalls(start: StartWorker, options: AnswerOptions = {}): void {
  if (!parentPort && !process.send)
    throw new Error(
      'A worker was imported by its parent, which may only import its types: "import type { ... }".',
    );
  const parent = parentPort ? threadParent(parentPort) : processParent();
  let handlers: Promise<Handlers>;
  let inWork = 0;
  const emit = (event: unknown) => parent.send({ type: 'event', event });
  const begin = async (argument: unknown) => start(argument as never, emit);
  const handle = async (message: Exclude<ToWorker, { type: 'leave' }>): Promise<unknown> => {
    if (message.type === 'call') return (await handlers)[message.name]!(message.argument as never);
    handlers = begin(message.argument);
    await handlers;
    return undefined;
  };
  /** Open handles of native libraries must not keep a process that nobody needs. */
  const leaveWhenIdle = () => {
    if (!parent.isConnected() && inWork === 0) process.exit(0);
  };
  parent.listen(async (message) => {
    if (message.type === 'leave') return parent.disconnect();
    inWork++;
    const { id } = message;
    try {
      const value = await handle(message);
      if (value instanceof Moved) parent.send({ type: 'answer', id, value: value.value }, value.buffers);
      else parent.send({ type: 'answer', id, value });
    } catch (error) {
      parent.send({ type: 'failure', id, failure: failureOf(error) });
    }
    inWork--;
    leaveWhenIdle();
  });
  if (parentPort) return;
  blockOnStandardError();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1'] as const) process.on(signal, () => {});
  process.on('disconnect', () => {
    if (!options.wrapUp) process.exit(0);
    options.wrapUp();
    leaveWhenIdle();
  });
}

/** Node makes a pipe non-blocking, and what is written to a full one shortly before a crash would be lost. */
function blockOnStandardError(): void {
  const { _handle: pipe } = process.stderr as { _handle?: { setBlocking?(isBlocking: boolean): void } };
  pipe?.setBlocking?.(true);
}

interface Parent {
  send(message: FromWorker, moved?: ArrayBuffer[]): void;
  listen(hear: (message: ToWorker) => void): void;
  isConnected(): boolean;
  disconnect(): void;
}

function threadParent(port: NonNullable<typeof parentPort>): Parent {
  return {
    send: (message, moved = []) => port.postMessage(message, moved),
    listen: (hear) => void port.on('message', hear),
    isConnected: () => true,
    disconnect: () => port.close(),
  };
}

function processParent(): Parent {
  return {
    send(message) {
      // With a callback: a parent that was killed is noticed by the disconnect, not by an exception.
      if (process.connected) process.send!(message, () => {});
    },
    listen: (hear) => void process.on('message', hear),
    isConnected: () => process.connected,
    disconnect: () => process.disconnect(),
  };
}

function failureOf(thrown: unknown): Failure {
  const error = RobleError.from(thrown);
  if (!(error.cause instanceof Error)) return error.toJSON();
  const { message, stack, code } = error.cause as NodeJS.ErrnoException;
  return { ...error.toJSON(), cause: { message, stack, ...(code !== undefined && { code }) } };
}

/** The error of a failure, in the parent. */
export function errorOf({ cause, ...error }: Failure): RobleError {
  const { code, message, details } = RobleError.fromJSON(error);
  return new RobleError(code, message, {
    ...details,
    ...(cause && { cause: Object.assign(new Error(cause.message), cause) }),
  });
}
