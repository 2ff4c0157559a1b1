import type { Pool } from 'undici';
import type { LoadRequest } from './requests.js';

export interface LoadClientOptions {
  readonly origin: string;
  /** Most connections at once; what is due beyond them waits, and its waiting counts. */
  readonly connections: number;
  /** A request without an answer after this time has failed. */
  readonly timeoutMs: number;
  /** Of every request. */
  readonly headers: Readonly<Record<string, string>>;
}

/** How a request ended: with a status, or with the reason why there is none. */
export type LoadOutcome = { readonly status: number } | { readonly failure: string };

/** Sends requests as they come, one at a time on each connection. */
export class LoadClient {
  readonly #pool: Pool;
  readonly #options: LoadClientOptions;
  readonly #idle: (() => void)[] = [];
  #outstanding = 0;

  private constructor(pool: Pool, options: LoadClientOptions) {
    this.#pool = pool;
    this.#options = options;
  }

  static async open(options: LoadClientOptions): Promise<LoadClient> {
    const { Pool } = await import('undici');
    const { origin, connections, timeoutMs } = options;
    const pool = new Pool(origin, {
      connections,
      pipelining: 1,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      connect: { timeout: timeoutMs },
    });
    return new LoadClient(pool, options);
  }

  /** Requests that were sent and have not ended. */
  get outstanding(): number {
    return this.#outstanding;
  }

  /** Calls back once, however it ends. */
  send({ path, headers, body }: LoadRequest, ended: (outcome: LoadOutcome) => void): void {
    this.#outstanding++;
    let status = 0;
    const end = (outcome: LoadOutcome) => {
      this.#outstanding--;
      ended(outcome);
      if (this.#outstanding === 0) for (const wake of this.#idle.splice(0)) wake();
    };
    this.#pool.dispatch(
      { path, method: 'POST', headers: { ...this.#options.headers, ...headers }, body },
      {
        onRequestStart: () => {},
        onResponseStart: (_, statusCode) => {
          status = statusCode;
        },
        onResponseData: () => {},
        onResponseEnd: () => end({ status }),
        onResponseError: (_, error: NodeJS.ErrnoException) => end({ failure: error.code ?? error.message }),
      },
    );
  }

  /** Resolves when every request has ended; those that have not by the time limit are cut and fail. */
  async finish(): Promise<void> {
    if (this.#outstanding === 0) return;
    const cut = setTimeout(() => void this.#pool.destroy(), this.#options.timeoutMs);
    await new Promise<void>((resolve) => this.#idle.push(resolve));
    clearTimeout(cut);
  }

  /** Cuts what has not ended. */
  close(): Promise<void> {
    return this.#pool.destroy();
  }
}
