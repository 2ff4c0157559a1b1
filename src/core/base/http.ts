import { setTimeout as sleep } from 'node:timers/promises';
import type { FormData } from 'undici';
import { RobleError } from './errors.js';

/** Before the first second try, unless the server says how long; doubled with each. */
const FIRST_WAIT_MS = 100;
const LAST_WAIT_MS = 5000;
/** Share by which waits differ, so that clients that were refused together do not come back together. */
const JITTER = 0.5;

/** What says that the server has not taken the request. */
const REFUSED: readonly number[] = [429, 503];
/** Failures of a connection, as Node and undici name them. */
const CONNECTION_FAILURES: readonly string[] = [
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'UND_ERR_SOCKET',
  'UND_ERR_CONNECT_TIMEOUT',
];

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | FormData;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

export interface RequestOptions {
  /** For all tries together. */
  readonly timeoutMs: number;
  /** Tries after the first. Only for requests that may be answered twice without harm. */
  readonly retries: number;
  /** Statuses after which another try may help; by default 429 and 503. */
  readonly retryStatuses?: readonly number[];
  readonly signal?: AbortSignal | undefined;
}

/**
 * Sends a request, and again when the server refused it for the moment or the connection failed before an answer.
 * Waits as long as `Retry-After` says, or twice as long with each try; and never beyond the deadline.
 *
 * @throws {RobleError} `ROBLE_SERVER_UNREACHABLE`, `ROBLE_DEADLINE_EXCEEDED`, `ROBLE_REQUEST_INVALID`; the reason of the signal when that aborts
 */
export async function sendRequest(request: HttpRequest, options: RequestOptions): Promise<HttpAnswer> {
  // Undici's interceptor for retries knows no deadline of all tries and no jitter, and asks for the rest of an answer that
  // was cut off by a range, which the answer to a POST does not have.
  const deadline = performance.now() + options.timeoutMs;
  const { retryStatuses = REFUSED, retries, signal } = options;
  for (let attempt = 0; ; attempt++) {
    const outcome = await trySending(request, deadline, options);
    const isFinal = !('error' in outcome) && !retryStatuses.includes(outcome.status);
    const waitMs = waitBefore(attempt + 1, 'error' in outcome ? undefined : outcome.headers['retry-after']);
    if (isFinal || attempt >= retries || performance.now() + waitMs >= deadline) {
      if ('error' in outcome) throw outcome.error;
      return outcome;
    }
    await sleep(waitMs, undefined, { signal });
  }
}

/** The answer, or the error of a connection that failed before it; other errors are thrown. */
async function trySending(
  { method, url, headers, body }: HttpRequest,
  deadline: number,
  { timeoutMs, signal }: RequestOptions,
): Promise<HttpAnswer | { error: RobleError }> {
  const { request } = await import('undici');
  const late = AbortSignal.timeout(Math.max(0, Math.floor(deadline - performance.now())));
  const either = signal ? AbortSignal.any([signal, late]) : late;
  const failed = (cause: unknown) => {
    signal?.throwIfAborted();
    return late.aborted ? tooLate(url, timeoutMs) : unreachable(url, cause);
  };
  try {
    const answer = await request(url, {
      method,
      signal: either,
      // The deadline of all tries bounds these.
      headersTimeout: 0,
      bodyTimeout: 0,
      ...(headers && { headers }),
      ...(body !== undefined && { body }),
    });
    const bytes = await answer.body.arrayBuffer().catch((cause) => {
      throw failed(cause);
    });
    return { status: answer.statusCode, headers: answer.headers, body: Buffer.from(bytes) };
  } catch (error) {
    if (error instanceof RobleError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'UND_ERR_INVALID_ARG') throw unsendable(error as Error);
    const failure = failed(error);
    const mayRetry =
      !late.aborted && CONNECTION_FAILURES.includes((error as NodeJS.ErrnoException).code ?? '');
    if (mayRetry) return { error: failure };
    throw failure;
  }
}

function waitBefore(attempt: number, retryAfter: string | string[] | undefined): number {
  const seconds = Number(retryAfter);
  const isGiven = retryAfter !== undefined && seconds >= 0;
  const leastMs = isGiven ? seconds * 1000 : Math.min(LAST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempt - 1));
  return leastMs + Math.random() * JITTER * Math.max(leastMs, FIRST_WAIT_MS);
}

function tooLate({ origin }: URL, timeoutMs: number): RobleError {
  return new RobleError('ROBLE_DEADLINE_EXCEEDED', `${origin} did not answer in time.`, {
    expected: `an answer within ${timeoutMs} ms`,
    nextSteps: ['Allow more time, or try again later.'],
  });
}

/** Nothing was sent. The words of the cause name a header, and not what it holds, which may be a secret. */
function unsendable(cause: Error): RobleError {
  return new RobleError('ROBLE_REQUEST_INVALID', 'The request cannot be sent.', {
    received: cause.message,
    expected: 'headers of printable characters, without line breaks',
    cause,
  });
}

function unreachable({ origin }: URL, cause: unknown): RobleError {
  const { message, code } = cause as NodeJS.ErrnoException;
  return new RobleError('ROBLE_SERVER_UNREACHABLE', `${origin} cannot be asked.`, {
    received: message || code,
    expected: 'a server that listens there',
    nextSteps: ['Check the address, and that the server runs.'],
    cause,
  });
}
