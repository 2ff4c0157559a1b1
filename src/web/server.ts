import { ApiKey } from './api-key.js';

export interface Prediction {
  readonly label: string;
  readonly probability: number;
}

/** What a model saw: base64 of uint8 [height, width, channels]. */
export interface ModelInput {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly pixels: string;
}

export interface Answer {
  readonly requestId: string;
  readonly predictions: readonly Prediction[];
  readonly source: 'model' | 'shared' | 'memory' | 'redis';
  readonly timings: { readonly totalMs: number };
  readonly model: { readonly name: string; readonly digest: string };
  readonly input: ModelInput;
}

export interface Statistics {
  readonly uptimeSeconds: number;
  readonly requests: number;
  readonly images: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number } | null;
  readonly cache: { readonly answers: Readonly<Record<Answer['source'], number>> };
  /** Missing where the server keeps no predictions. */
  readonly predictionLog?: { readonly keepsImages: boolean };
  /** For each model. */
  readonly workers: { readonly wanted: number };
  /** The one that is asked where a request names none. */
  readonly model: Model;
  /** All of them, by name. */
  readonly models: Readonly<Record<string, Model>>;
}

/** What the server says of a model. */
export interface Model {
  readonly name: string;
  readonly digest: string;
  readonly classes: readonly string[];
  readonly input: { readonly width: number; readonly height: number; readonly channels: number };
  readonly workers: { readonly ready: number };
}

/** An error answer of the server, or none at all (status 0). */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly retryAfterSeconds: number;

  constructor(message: string, status = 0, code = '', retryAfterSeconds = 0) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

const TOP_K = 5;
const key = new ApiKey();

export type Stroke = readonly (readonly [x: number, y: number])[];

/** A picture as it stands in a JSON body. */
export type Picture =
  | { readonly drawing: { readonly strokes: readonly Stroke[] } }
  | { readonly image: string };

/** What a model says of a picture; by default that of the server. */
export function classifyPicture(picture: Picture, model?: string): Promise<Answer> {
  return post(predictPath(model), picture);
}

/** What a model says of an image file, which is sent as it is. */
export function classifyFile(file: Blob, model?: string): Promise<Answer> {
  const type = file.type.startsWith('image/') ? file.type : 'application/octet-stream';
  const headers = { 'content-type': type };
  return call(predictPath(model), { method: 'POST', headers, body: file });
}

function predictPath(model: string | undefined): string {
  const query = new URLSearchParams({ topK: `${TOP_K}`, include: 'input', ...(model && { model }) });
  return `predict?${query}`;
}

export function statistics(): Promise<Statistics> {
  return call('stats', { cache: 'no-store' });
}

/**
 * Tells the server the right class of a picture that it answered.
 *
 * @param picture the picture once more, for a server that did not keep it
 */
export async function sendFeedback(requestId: string, label: string, picture?: Picture): Promise<void> {
  await post('feedback', { requestId, index: 0, label, ...picture });
}

function post<T>(path: string, body: object): Promise<T> {
  const headers = { 'content-type': 'application/json' };
  return call(path, { method: 'POST', headers, body: JSON.stringify(body) });
}

/** One request; where the server wants a key, the person is asked for it, as often as it takes. */
async function call<T>(path: string, init: RequestInit): Promise<T> {
  for (;;) {
    const used = key.value;
    const headers = new Headers(init.headers);
    if (used !== null) headers.set('authorization', `Bearer ${used}`);
    const response = await fetch(path, { ...init, headers }).catch(() => {
      throw new Problem('The server cannot be reached.');
    });
    if (response.status === 401) await key.ask(used);
    else if (response.ok) return response.status === 204 ? (undefined as T) : response.json();
    else throw await problemOf(response);
  }
}

async function problemOf(response: Response): Promise<Problem> {
  // A proxy in between may answer in another form.
  const body = await response.json().catch(() => ({}));
  const { detail = `The server answered with status ${response.status}.`, code, expected } = body;
  const message = typeof expected === 'string' ? `${detail} Expected: ${expected}.` : detail;
  return new Problem(message, response.status, code, Number(response.headers.get('retry-after')));
}
