import { createServer, type RobleServer } from '../../src/core/serving/server.js';
import type { ServerContext } from '../../src/core/serving/server-parts.js';
import { createRegistry } from '../../src/index.js';
import { quarterPixels } from './tiny-bundle.js';

/** A server of the classifier of quarters, with what its tests ask of it. */
export interface PredictionServer extends RobleServer {
  readonly warnings: string[];
  post(path: string, body: object, headers?: Record<string, string>): Promise<Reply>;
  /** Asks about a picture with light in one quarter; another light is another picture. */
  predict(quarter: number, light?: number, headers?: Record<string, string>): Promise<Reply>;
  /** What `/stats` says of the log. */
  log(): Promise<LogState>;
}

interface Reply {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: answers of several forms.
  readonly body: any;
}

interface LogState {
  readonly database: string;
  readonly written: number;
  readonly queued: number;
  readonly queuedBytes: number;
  readonly dropped: number;
  readonly lastError?: { readonly message: string };
}

export async function servePredictions(
  model: string,
  predictions: {
    readonly url: string;
    readonly keepImages?: boolean;
    readonly maxQueueBytes?: number;
    readonly keepDays?: number;
  },
  more: object = {},
  logWaits: ServerContext['logWaits'] = {},
): Promise<PredictionServer> {
  const warnings: string[] = [];
  const report = (event: { type: string; message?: string }) => {
    if (event.type === 'warning') warnings.push(event.message!);
  };
  const server = await createServer(
    { model, port: 0, workers: 0, predictions: predictions as never, ...more },
    { registry: createRegistry(), reporter: { report }, logWaits },
  );
  const post: PredictionServer['post'] = async (path, body, headers = {}) => {
    const response = await fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  };
  return {
    ...server,
    warnings,
    post,
    predict: (quarter, light = 255, headers = {}) =>
      post('/predict', { pixels: quarterPixels(quarter, light) }, headers),
    log: async () =>
      ((await (await fetch(`${server.url}/stats`)).json()) as { predictionLog: LogState }).predictionLog,
  };
}
