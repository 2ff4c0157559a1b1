import { ERRORS, type ErrorCode, RobleError } from '../core/base/errors.js';
import { type HttpAnswer, type HttpRequest, type RequestOptions, sendRequest } from '../core/base/http.js';
import { hideUrlPassword } from '../core/base/secret.js';
import type { DrawingInput } from '../core/image/strokes/drawing.js';
import type { ProblemDetails } from '../core/serving/request/problem.js';
import type {
  BatchAnswer,
  FeedbackAnswer,
  Inclusion,
  PredictAnswer,
  Stats,
} from '../core/serving/request/schemas.js';
import type { Priority } from '../core/serving/request/urgency.js';

const TIMEOUT_MS = 30_000;
const RETRIES = 2;

/** The bytes of an image file; pixels 0..255 as the server takes them; or the strokes of a drawing. */
export type Picture = Uint8Array | readonly unknown[] | DrawingInput;

export interface RobleClientOptions {
  /** Where the server wants one; white space around it, such as the line break of a file, is no part of it. */
  readonly apiKey?: string;
  /** For an answer, with all tries; by default 30 seconds. */
  readonly timeoutMs?: number;
  /** Tries after the first, when the server is busy or the connection fails before an answer; by default 2. */
  readonly retries?: number;
}

export interface PredictOptions {
  /** Classes for each picture; by default as the server is set. */
  readonly topK?: number;
  /** Where the server has several. */
  readonly model?: string;
  /** One of those that are loaded; by default the server chooses. */
  readonly version?: string;
  /** What the answer also holds: `input` is what the model saw. */
  readonly include?: readonly Inclusion[];
  readonly priority?: Priority;
  /** Names the request in the logs of the server, and for feedback. */
  readonly requestId?: string;
  readonly signal?: AbortSignal;
}

export interface FeedbackOptions {
  readonly requestId: string;
  /** Place of the image in its request; by default 0. */
  readonly index?: number;
  /** The right class. */
  readonly label: string;
}

/**
 * Asks a server for predictions. What the server answers with a problem is thrown as an error of its code.
 *
 * @throws {RobleError} from all methods: `ROBLE_SERVER_UNREACHABLE`, `ROBLE_DEADLINE_EXCEEDED`, and those of the server
 */
export class RobleClient {
  readonly #base: URL;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #timeoutMs: number;
  readonly #retries: number;

  constructor(url: string | URL, options: RobleClientOptions = {}) {
    const { apiKey, timeoutMs = TIMEOUT_MS, retries = RETRIES } = options;
    this.#base = baseOf(url);
    this.#headers = apiKey === undefined ? {} : { authorization: `Bearer ${sendableKey(apiKey)}` };
    this.#timeoutMs = timeoutMs;
    this.#retries = retries;
  }

  /** The most probable classes of one picture. */
  predict(picture: Picture, options: PredictOptions = {}): Promise<PredictAnswer> {
    if (picture instanceof Uint8Array)
      return this.#post('predict', { 'content-type': 'application/octet-stream' }, picture, options);
    const form = Array.isArray(picture) ? { pixels: picture } : { drawing: picture };
    return this.#postJson('predict', form, options);
  }

  /** The most probable classes of several pictures, all of one kind; one that is at fault has its error in its place. */
  async predictBatch(pictures: readonly Picture[], options: PredictOptions = {}): Promise<BatchAnswer> {
    const kinds = new Set(pictures.map(kindOf));
    if (kinds.size > 1)
      throw new RobleError('ROBLE_REQUEST_INVALID', 'The pictures of a batch are of several kinds.', {
        received: [...kinds].join(', '),
        expected: 'all of one kind',
      });
    if (!kinds.has('images')) {
      const [kind = 'pixels'] = kinds;
      return this.#postJson('predict/batch', { [kind]: pictures }, options);
    }
    const { FormData } = await import('undici');
    const form = new FormData();
    for (const [i, bytes] of (pictures as readonly Uint8Array[]).entries())
      form.append('image', new Blob([Uint8Array.from(bytes)]), `${i}`);
    return this.#post('predict/batch', {}, form, options);
  }

  /** Sends the right class of a picture that the server has classified. */
  feedback(
    feedback: FeedbackOptions,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<FeedbackAnswer> {
    return this.#postJson('feedback', feedback, options);
  }

  /** The server's counts and its model. */
  stats(options: { readonly signal?: AbortSignal } = {}): Promise<Stats> {
    return this.#send({ method: 'GET', url: this.#at('stats') }, options);
  }

  /** Whether a prediction would be answered now; it is not asked again. */
  async ready({ signal }: { readonly signal?: AbortSignal } = {}): Promise<boolean> {
    const request: HttpRequest = { method: 'GET', url: this.#at('health/ready'), headers: this.#headers };
    const { status } = await sendRequest(request, { timeoutMs: this.#timeoutMs, retries: 0, signal });
    return status === 200;
  }

  #postJson<T>(path: string, value: object, options: PredictOptions): Promise<T> {
    return this.#post(path, { 'content-type': 'application/json' }, JSON.stringify(value), options);
  }

  #post<T>(
    path: string,
    headers: Readonly<Record<string, string>>,
    body: NonNullable<HttpRequest['body']>,
    options: PredictOptions,
  ): Promise<T> {
    const { priority, requestId, topK, include, model, version } = options;
    const url = this.#at(path);
    for (const [name, value] of Object.entries({ topK, include, model, version }))
      if (value !== undefined) url.searchParams.set(name, String(value));
    const request: HttpRequest = {
      method: 'POST',
      url,
      body,
      headers: {
        ...headers,
        // The server drops requests that nobody waits for any more.
        'x-timeout-ms': `${this.#timeoutMs}`,
        ...(priority !== undefined && { 'x-priority': priority }),
        ...(requestId !== undefined && { 'x-request-id': requestId }),
      },
    };
    return this.#send(request, options);
  }

  async #send<T>(request: HttpRequest, { signal }: Pick<RequestOptions, 'signal'>): Promise<T> {
    const answer = await sendRequest(
      { ...request, headers: { ...this.#headers, ...request.headers } },
      { timeoutMs: this.#timeoutMs, retries: this.#retries, signal },
    );
    if (answer.status >= 300) throw errorOfAnswer(request.url, answer);
    try {
      return JSON.parse(answer.body.toString()) as T;
    } catch {
      throw errorOfAnswer(request.url, answer);
    }
  }

  #at(path: string): URL {
    return new URL(path, this.#base);
  }
}

/** The key of a batch of such pictures in JSON. */
function kindOf(picture: Picture): 'images' | 'pixels' | 'drawings' {
  if (picture instanceof Uint8Array) return 'images';
  return Array.isArray(picture) ? 'pixels' : 'drawings';
}

/** @throws {RobleError} `ROBLE_USAGE`, without the key in its message */
function sendableKey(given: string): string {
  const key = given.trim();
  const odd = [...key].findIndex((character) => !/[\x21-\x7e]/.test(character));
  if (key !== '' && odd < 0) return key;
  throw new RobleError('ROBLE_USAGE', 'The API key cannot be one.', {
    received:
      key === '' ? 'nothing' : `another character than a key has, at place ${odd + 1} of ${key.length}`,
    expected: 'a key as "roble keys:create" prints it: printable ASCII without spaces',
  });
}

/** With a slash at the end, so that a path before it, of a proxy, stays. */
function baseOf(url: string | URL): URL {
  const text = String(url);
  const base = URL.canParse(text) ? new URL(text.endsWith('/') ? text : `${text}/`) : undefined;
  if (base && /^https?:$/.test(base.protocol)) return base;
  throw new RobleError('ROBLE_USAGE', 'The address of the server is not valid.', {
    received: hideUrlPassword(text),
    expected: 'http://HOST:PORT or https://HOST:PORT',
  });
}

/** The error of an answer that is a problem (RFC 9457) of roble; of any other answer, that it is none. */
function errorOfAnswer(url: URL, { status, body }: HttpAnswer): RobleError {
  const problem = parse(body);
  const { code, detail, received, expected, problems } = problem;
  if (code !== undefined && Object.hasOwn(ERRORS, code))
    return new RobleError(code, detail ?? ERRORS[code].meaning, {
      received,
      ...(expected !== undefined && { expected }),
      ...(problems !== undefined && { problems }),
    });
  return new RobleError('ROBLE_SERVER_UNREACHABLE', `${url.origin} gave no answer of roble.`, {
    received: `status ${status}${detail ? `: ${detail}` : ''}`,
    expected: 'a server that "roble serve" started',
  });
}

function parse(body: Buffer): Partial<ProblemDetails & { code: ErrorCode }> {
  try {
    const value = JSON.parse(body.toString());
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    // A proxy in between answers with a page.
    return {};
  }
}
