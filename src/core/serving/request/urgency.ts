import type { FastifyReply, FastifyRequest } from 'fastify';
import { RobleError } from '../../base/errors.js';

/** From the first to be served to the last. */
export const PRIORITIES = ['high', 'normal', 'low'] as const;
export type Priority = (typeof PRIORITIES)[number];

/** Why work is dropped: its client has gone, or it is too late for everybody who waits. */
export type DropReason = 'abandoned' | 'expired';

/**
 * Stops work that nobody waits for any more. It is a small AbortController: two real ones took a tenth of the processor
 * time of a request.
 */
export class Cancellation {
  #reason: DropReason | undefined;
  #listeners: Set<(reason: DropReason) => void> | undefined;

  get reason(): DropReason | undefined {
    return this.#reason;
  }

  /** The first reason stays. */
  cancel(reason: DropReason): void {
    if (this.#reason) return;
    this.#reason = reason;
    for (const listener of this.#listeners ?? []) listener(reason);
    this.#listeners = undefined;
  }

  /** Calls back once, when it is cancelled later on. */
  listen(listener: (reason: DropReason) => void): void {
    this.#listeners ??= new Set();
    this.#listeners.add(listener);
  }

  unlisten(listener: (reason: DropReason) => void): void {
    this.#listeners?.delete(listener);
  }
}

/** How urgent an image is, and until when its answer is wanted. To be read again each time: the deadline may move. */
export interface Urgency {
  readonly priority?: Priority | undefined;
  /** On the clock of `performance.now()`, in milliseconds; later, the answer is an error. */
  readonly deadline?: number;
  readonly cancellation?: Cancellation;
}

/** Why nobody waits any more; undefined while somebody does. */
export function reasonToDrop({ deadline, cancellation }: Urgency): DropReason | undefined {
  if (cancellation?.reason) return cancellation.reason;
  return deadline !== undefined && performance.now() > deadline ? 'expired' : undefined;
}

/**
 * Refuses work that nobody waits for any more.
 *
 * @throws {RobleError} `ROBLE_REQUEST_ABANDONED`, `ROBLE_DEADLINE_EXCEEDED`
 */
export function checkWanted(urgency: Urgency): void {
  const reason = reasonToDrop(urgency);
  if (reason) throw dropped(reason);
}

/** The error of what was dropped. */
export function dropped(reason: DropReason): RobleError {
  if (reason === 'abandoned')
    return new RobleError('ROBLE_REQUEST_ABANDONED', 'The client closed the connection before the answer.');
  return new RobleError(
    'ROBLE_DEADLINE_EXCEEDED',
    'The answer was not ready within the time that the request allows.',
    {
      nextSteps: [
        'Try again later, or allow more time with the header x-timeout-ms, up to serve.requestTimeoutMs.',
      ],
    },
  );
}

/** Timers of one length share a list: this many lengths for each doubling of the time keep the lists few. */
const LENGTHS = 64;

/** The length of a timer for what is left, at least that and a little more, for a timer may fire early. */
export function timerMs(left: number): number {
  const step = Math.max(1, 2 ** Math.floor(Math.log2(Math.max(1, left))) / LENGTHS);
  return Math.max(0, Math.ceil((left + 1) / step) * step);
}

/** What a promise gives, unless the deadline comes first or the client goes. */
export function whileWanted<T>(promise: Promise<T>, urgency: Urgency): Promise<T> {
  const { deadline = Number.POSITIVE_INFINITY, cancellation } = urgency;
  return new Promise((resolve, reject) => {
    const leave = (reason: DropReason) => {
      stop();
      reject(dropped(reason));
    };
    const left = deadline - performance.now();
    const timer = Number.isFinite(left) ? setTimeout(leave, timerMs(left), 'expired') : undefined;
    cancellation?.listen(leave);
    const stop = () => {
      clearTimeout(timer);
      cancellation?.unlisten(leave);
    };
    promise.then(
      (value) => {
        stop();
        resolve(value);
      },
      (error) => {
        stop();
        reject(error);
      },
    );
  });
}

/**
 * How urgent a request is, by its headers `x-priority` (high, normal, low) and `x-timeout-ms`; and whether its client is
 * still there.
 *
 * @throws {RobleError} `ROBLE_REQUEST_INVALID`
 */
export function urgencyOf(request: FastifyRequest, reply: FastifyReply, longestMs: number): Urgency {
  const cancellation = new Cancellation();
  reply.raw.on('close', () => {
    if (!reply.raw.writableFinished) cancellation.cancel('abandoned');
  });
  return {
    cancellation,
    deadline: performance.now() + timeoutOf(request.headers['x-timeout-ms'], longestMs),
    priority: priorityOf(request.headers['x-priority']),
  };
}

function timeoutOf(header: string | string[] | undefined, longestMs: number): number {
  if (header === undefined) return longestMs;
  const milliseconds = /^\d+$/.test(String(header)) ? Number(header) : Number.NaN;
  if (!(milliseconds > 0))
    throw new RobleError('ROBLE_REQUEST_INVALID', 'The header x-timeout-ms is no time.', {
      received: header,
      expected: 'a whole number of milliseconds, 1 or more',
    });
  return Math.min(milliseconds, longestMs);
}

function priorityOf(header: string | string[] | undefined): Priority {
  if (header === undefined) return 'normal';
  const known = PRIORITIES.find((priority) => priority === header);
  if (known) return known;
  throw new RobleError('ROBLE_REQUEST_INVALID', 'The header x-priority is none of the priorities.', {
    received: header,
    expected: PRIORITIES.join(', '),
  });
}
