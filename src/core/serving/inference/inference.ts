import { setTimeout as sleep } from 'node:timers/promises';
import { RobleError, type SerializedError } from '../../base/errors.js';
import type { PluginEntry, Predictor } from '../../plugin/contracts.js';
import { PluginRegistry } from '../../plugin/registry.js';
import { openPredictor, type PredictorOptions } from '../../predict/predictor.js';

type Message<Type extends ToInferenceWorker['type']> = Extract<ToInferenceWorker, { type: Type }>;

/** Between two questions whether the backend could answer. */
const HEALTH_CHECK_MS = 2000;

/** Loads a model, and computes with it what it is asked: in a process of its own, or in that of the server. */
export class Inference {
  readonly #send: (message: FromInferenceWorker) => void;
  #predictor: Predictor | undefined;
  #last: Promise<void> = Promise.resolve();
  #closed = false;

  /** @param send takes the answer to each message, and what changes of the model's health */
  constructor(send: (message: FromInferenceWorker) => void) {
    this.#send = (message) => {
      if (!this.#closed) send(message);
    };
  }

  handle(message: ToInferenceWorker): void {
    const answer = message.type === 'load' ? this.#load(message) : this.#predict(message);
    this.#last = answer.then(this.#send, (error) =>
      this.#send({ type: 'failed', during: message.type, error: RobleError.from(error).toJSON() }),
    );
  }

  /** Sends nothing any more, and gives the model's memory back when what it computes is done. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    await this.#predictor?.close();
  }

  async #load(message: Message<'load'>): Promise<FromInferenceWorker> {
    const opened = await openPredictor(message.folder, message.options, new PluginRegistry(message.plugins));
    this.#predictor = opened.predictor;
    if (opened.bundle.digest !== message.digest)
      throw new RobleError('ROBLE_BUNDLE_INVALID', `Another bundle lies in ${message.folder} now.`, {
        received: opened.bundle.digest,
        expected: message.digest,
        nextSteps: ['Send the server SIGHUP, or start it again, to serve the new one.'],
      });
    void this.#watchHealth(opened.predictor);
    return { type: 'ready' };
  }

  async #predict({ images, count }: Message<'predict'>): Promise<FromInferenceWorker> {
    return { type: 'result', probabilities: await this.#predictor!.predict(images, count) };
  }

  async #watchHealth(watched: Predictor): Promise<void> {
    if (!watched.checkHealth) return;
    let before: string | undefined;
    while (!this.#closed) {
      await sleep(HEALTH_CHECK_MS, undefined, { ref: false });
      const problem = await watched.checkHealth().then(
        () => undefined,
        (error: Error) => error.message,
      );
      if ((problem === undefined) !== (before === undefined)) this.#send({ type: 'health', problem });
      before = problem;
    }
  }
}

/** From the server to an inference process. */
export type ToInferenceWorker =
  | {
      readonly type: 'load';
      readonly folder: string;
      /** Of the bundle that the server announced: a process that starts again later must not serve another one. */
      readonly digest: string;
      readonly options: PredictorOptions;
      readonly plugins: readonly PluginEntry[];
    }
  | { readonly type: 'predict'; readonly images: Uint8Array; readonly count: number };

/** From an inference process to the server; it answers one message after the other, and tells when its health changes. */
export type FromInferenceWorker =
  | { readonly type: 'ready' }
  | {
      readonly type: 'health';
      /** Why it could not answer now; undefined when it could. */
      readonly problem: string | undefined;
    }
  | { readonly type: 'result'; readonly probabilities: Float32Array }
  | { readonly type: 'failed'; readonly during: ToInferenceWorker['type']; readonly error: SerializedError };

/** What came of a message. */
export type InferenceAnswer = Extract<FromInferenceWorker, { readonly type: 'result' | 'failed' }>;

/** What computes with a loaded model, one call after the other: a process of its own, or this one. */
export interface InferenceRunner {
  readonly processId: number | undefined;
  /** @param images uint8, [count, height, width, channels] */
  predict(images: Uint8Array, count: number): void;
  /** Ends it at once. */
  kill(): Promise<void>;
}

export interface InferenceRunnerEvents {
  /** It has the model and can take work. */
  ready(): void;
  /** Whether it could answer has changed. */
  health(problem: string | undefined): void;
  answered(message: InferenceAnswer): void;
  /** It wrote a line on its standard error, as native code does. */
  wrote(line: string): void;
  /** It is gone, or could not be started. Comes once, last. */
  ended(error: Error): void;
}

/** Tells the events of a message; gives the error of a model that cannot be loaded, with which the runner has to end. */
export function tell(events: InferenceRunnerEvents, message: FromInferenceWorker): RobleError | undefined {
  if (message.type === 'failed' && message.during === 'load') return RobleError.fromJSON(message.error);
  if (message.type === 'ready') events.ready();
  else if (message.type === 'health') events.health(message.problem);
  else events.answered(message);
  return undefined;
}
