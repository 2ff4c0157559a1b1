import { RobleError } from '../../base/errors.js';
import { startChild } from '../../base/process/workers.js';
import { guestsOf } from '../../plugin/guard.js';
import { type InferenceStart, openInference } from './inference.js';

/** What computes with a loaded model, one call after the other: a process of its own, or this one. */
export interface InferenceRunner {
  readonly processId: number | undefined;
  /** When it has the model and can take work. */
  readonly started: Promise<void>;
  /** Gives why it is gone, or could not be started. Never rejects. */
  readonly ended: Promise<RobleError>;
  /**
   * @param images uint8 [count, height, width, channels]
   * @returns float32 [count, classes]
   * @throws {RobleError} `ROBLE_WORKER_DIED` where it ended meanwhile, and those of the backend
   */
  predict(images: Uint8Array, count: number): Promise<Float32Array>;
  /** Ends it at once. */
  kill(): Promise<unknown>;
}

export interface InferenceListener {
  /** Whether the backend could answer has changed: `problem` is undefined when it could. */
  health(problem: string | undefined): void;
  /** A line was written on the process's standard error, as native code does. */
  wrote(line: string): void;
}

/** Inference in a process of its own: a crash of native code takes only that one with it. */
export function startInferenceProcess(start: InferenceStart, listener: InferenceListener): InferenceRunner {
  const file = new URL('./worker.js', import.meta.url);
  const child = startChild<typeof openInference>(file, start, {
    name: 'An inference process',
    guests: guestsOf(start.plugins),
    onEvent: ({ problem }) => listener.health(problem),
    onLine: listener.wrote,
  });
  const { processId, started, ended } = child;
  return {
    ...{ processId, started, ended },
    predict: (images, count) => child.call('predict', { images, count }),
    kill: () => child.kill(),
  };
}

/**
 * Inference in the process of the server itself: it needs no second process and no time to start one. While it computes,
 * the server does nothing else, and a crash of native code ends both.
 */
export class LocalInference implements InferenceRunner {
  readonly processId = undefined;
  readonly started: Promise<void>;
  readonly ended: Promise<RobleError>;
  readonly #inference: ReturnType<typeof openInference>;
  #last: Promise<unknown> = Promise.resolve();
  #end!: (error: RobleError) => void;
  #error: RobleError | undefined;

  constructor(start: InferenceStart, { health }: Pick<InferenceListener, 'health'>) {
    this.ended = new Promise((resolve) => {
      this.#end = (error) => {
        this.#error ??= error;
        resolve(error);
      };
    });
    this.#inference = openInference(start, ({ problem }) => {
      if (!this.#error) health(problem);
    });
    this.started = this.#unlessEnded(this.#inference.then(() => {}));
    this.started.catch((error) => this.#end(error));
  }

  predict(images: Uint8Array, count: number): Promise<Float32Array> {
    const answer = this.#inference.then((inference) => inference.predict({ images, count }));
    this.#last = answer.catch(() => {});
    return this.#unlessEnded(answer);
  }

  async kill(): Promise<void> {
    if (this.#error) return;
    this.#end(new RobleError('ROBLE_WORKER_DIED', 'Inference was given up.'));
    // What it still computes is waited for by nobody.
    this.#last.then(async () => (await this.#inference).close()).catch(() => {});
  }

  async #unlessEnded<T>(work: Promise<T>): Promise<T> {
    const result = await work.catch((error) => Promise.reject(RobleError.from(error)));
    if (this.#error) throw this.#error;
    return result;
  }
}
