import { element } from './elements.js';

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

/** What an answer stands on: a grid over what the model saw. */
export interface Explanation {
  readonly class: string;
  /** Of that class, for the whole picture. */
  readonly probability: number;
  /** By how much it falls when a place is covered; rows from the top, each from the left. */
  readonly falls: readonly (readonly number[])[];
}

export interface Statistics {
  readonly uptimeSeconds: number;
  readonly requests: number;
  readonly images: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number } | null;
  readonly cache: { readonly answers: Readonly<Record<Answer['source'], number>> };
  /** Missing where the server keeps no predictions. */
  readonly predictionLog?: { readonly keepsImages: boolean };
  /** Missing where the server does not explain its answers. */
  readonly explanations?: object;
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

export type Stroke = readonly (readonly [x: number, y: number])[];

/** A picture as it stands in a JSON body. */
export type Picture =
  | { readonly drawing: { readonly strokes: readonly Stroke[] } }
  | { readonly image: string };
/** A picture as it is sent: an image file as it is, which is shorter than text. */
type Content = Picture | Blob;

/** The classes that are asked for. */
const TOP_K = 5;

/** The server that gave the page. */
export class Server {
  readonly #key = new ApiKey();

  /** What a model says of a picture; by default the server's own model. */
  classify(content: Content, model?: string): Promise<Answer> {
    return this.#send('predict', { topK: `${TOP_K}`, include: 'input', ...(model && { model }) }, content);
  }

  /** What the probability of a class stands on. */
  explain(content: Content, name: string, model?: string): Promise<Explanation> {
    return this.#send('explain', { class: name, ...(model && { model }) }, content);
  }

  statistics(): Promise<Statistics> {
    return this.#call('stats', { cache: 'no-store' });
  }

  /**
   * Tells the server the right class of a picture that it answered.
   *
   * @param picture the picture once more, for a server that did not keep it
   */
  async sendFeedback(requestId: string, label: string, picture?: Picture): Promise<void> {
    await this.#post('feedback', { requestId, index: 0, label, ...picture });
  }

  #send<T>(path: string, query: Record<string, string>, content: Content): Promise<T> {
    const address = `${path}?${new URLSearchParams(query)}`;
    if (!(content instanceof Blob)) return this.#post(address, content);
    const type = content.type.startsWith('image/') ? content.type : 'application/octet-stream';
    return this.#call(address, { method: 'POST', headers: { 'content-type': type }, body: content });
  }

  #post<T>(path: string, body: object): Promise<T> {
    const headers = { 'content-type': 'application/json' };
    return this.#call(path, { method: 'POST', headers, body: JSON.stringify(body) });
  }

  /** One request; where the server wants a key, the person is asked for it until the server accepts one. */
  async #call<T>(path: string, init: RequestInit): Promise<T> {
    for (;;) {
      const used = this.#key.value;
      const headers = new Headers(init.headers);
      if (used !== null) headers.set('authorization', `Bearer ${used}`);
      const response = await fetch(path, { ...init, headers }).catch(() => {
        throw new Problem('The server cannot be reached.');
      });
      if (response.status === 401) await this.#key.ask(used);
      else if (response.ok) return response.status === 204 ? (undefined as T) : response.json();
      else throw await problemOf(response);
    }
  }
}

async function problemOf(response: Response): Promise<Problem> {
  // A proxy in between may answer in another form.
  const body = await response.json().catch(() => ({}));
  const { detail = `The server answered with status ${response.status}.`, code, expected } = body;
  const message = typeof expected === 'string' ? `${detail} Expected: ${expected}.` : detail;
  return new Problem(message, response.status, code, Number(response.headers.get('retry-after')));
}

const STORED_KEY = 'roble-api-key';

/** The key for the server: kept until the tab is closed, asked for when the server wants another one. */
class ApiKey {
  #asking: Promise<void> | undefined;

  get value(): string | null {
    return sessionStorage.getItem(STORED_KEY);
  }

  /**
   * Waits until the person has given another key than the one that was refused. Requests that ask at the same time
   * share the question.
   */
  ask(refused: string | null): Promise<void> {
    if (refused !== this.value) return Promise.resolve();
    this.#asking ??= this.#show(refused !== null).finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  #show(wasRefused: boolean): Promise<void> {
    const form = element<HTMLFormElement>('key-form');
    const field = element<HTMLInputElement>('key');
    form.hidden = false;
    field.value = '';
    field.setAttribute('aria-invalid', String(wasRefused));
    if (wasRefused) element('key-hint').textContent = 'The server did not accept this key. Try another one.';
    field.focus();
    return new Promise((resolve) => {
      form.onsubmit = (event) => {
        event.preventDefault();
        sessionStorage.setItem(STORED_KEY, field.value);
        form.hidden = true;
        resolve();
      };
    });
  }
}

/** A picture that the person wants to be classified. */
export interface Question {
  /** @param model by default the server's own */
  ask(model?: string): Promise<Answer>;
  /** What the probability of a class stands on. */
  explain(name: string, model?: string): Promise<Explanation>;
  /** The picture in a form that can be sent along with other things. */
  picture(): Promise<Picture>;
}

export function drawingQuestion(server: Server, strokes: readonly Stroke[]): Question {
  const picture = { drawing: { strokes } };
  return question(server, picture, async () => picture);
}

export function fileQuestion(server: Server, file: File): Question {
  return question(server, file, async () => ({ image: await dataUrlOf(file) }));
}

function question(server: Server, content: Content, picture: Question['picture']): Question {
  return {
    ask: (model) => server.classify(content, model),
    explain: (name, model) => server.explain(content, name, model),
    picture,
  };
}

function dataUrlOf(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}
