import { z } from 'zod';
import {
  type HttpAnswer,
  type HttpRequest,
  hideUrlPassword,
  RobleError,
  secret,
  sendRequest,
  urlWithPassword,
} from '../../core/plugin/index.js';

/** Statuses after which the next try may succeed; a prediction changes nothing, so it may be asked for twice. */
const RETRY_STATUSES = [429, 502, 503, 504];

/** The other server and its model. */
export class InferenceServer {
  readonly #options: OipOptions;

  constructor(options: OipOptions) {
    this.#options = options;
  }

  /** The extensions of the protocol that the server has. */
  async extensions(): Promise<readonly string[]> {
    const { extensions } = json<{ extensions?: string[] }>(
      await this.#send({ method: 'GET', url: this.#at('v2') }),
    );
    return extensions ?? [];
  }

  /** @throws {RobleError} `ROBLE_SERVER_UNREACHABLE` while its model would not answer */
  async checkReady(retries = this.#options.retries): Promise<void> {
    await this.#send({ method: 'GET', url: this.#modelAt('ready') }, retries);
  }

  /** @param body JSON, and bytes behind it where `jsonLength` says how long it is */
  async infer<T>(body: string | Uint8Array, jsonLength?: number): Promise<T> {
    const headers =
      jsonLength === undefined
        ? { 'content-type': 'application/json' }
        : {
            'content-type': 'application/octet-stream',
            'inference-header-content-length': `${jsonLength}`,
          };
    return json(await this.#send({ method: 'POST', url: this.#modelAt('infer'), headers, body }));
  }

  async #send(request: HttpRequest, retries = this.#options.retries): Promise<HttpAnswer> {
    const { headers, timeoutMs } = this.#options;
    const answer = await sendRequest(
      { ...request, headers: { ...headers, ...request.headers } },
      { timeoutMs, retries, retryStatuses: RETRY_STATUSES },
    );
    if (answer.status === 200) return answer;
    throw unusable(
      `${hideUrlPassword(request.url.href)} answered with an error.`,
      `status ${answer.status}: ${textOf(answer)}`,
    );
  }

  #modelAt(path: string): URL {
    const { model, version } = this.#options;
    const place = version === undefined ? '' : `/versions/${encodeURIComponent(version)}`;
    return this.#at(`v2/models/${encodeURIComponent(model)}${place}/${path}`);
  }

  #at(path: string): URL {
    const { url } = this.#options;
    return new URL(path, url.endsWith('/') ? url : `${url}/`);
  }
}

export function unusable(message: string, received: string): RobleError {
  return new RobleError('ROBLE_SERVER_UNREACHABLE', message, {
    received,
    expected: 'a server of the Open Inference Protocol v2, with this model',
    nextSteps: ['Check serve.backendOptions, and that server.'],
  });
}

function json<T>(answer: HttpAnswer): T {
  try {
    return JSON.parse(answer.body.toString());
  } catch {
    throw unusable('The inference server gave no JSON.', textOf(answer));
  }
}

/** The beginning of an answer. */
function textOf({ body }: HttpAnswer): string {
  return body.subarray(0, 200).toString();
}

const positive = z.int().positive();

/** `serve.backendOptions` of the backend `oip`. */
export const oipOptionsSchema = z.strictObject({
  url: urlWithPassword(z.url({ protocol: /^https?$/, error: 'expected http://HOST:PORT' })),
  /** Its name on that server. */
  model: z.string().min(1),
  /** By default the server chooses. */
  version: z.string().min(1).optional(),
  /** Sent with each request, such as `authorization`. */
  headers: z.record(z.string(), secret(z.string())).default({}),
  /** For an answer, with all tries. */
  timeoutMs: positive.default(10_000),
  /** Tries after the first. */
  retries: z.int().gte(0).default(2),
  /** Images in one request. */
  maxBatch: positive.default(64),
});
export type OipOptions = z.output<typeof oipOptionsSchema>;
