import { RobleError } from '../../base/errors.js';
import type { ToInferenceWorker } from './inference.js';
import { Inference, type InferenceRunner, type InferenceRunnerEvents, tell } from './inference.js';

/**
 * Inference in the process of the server itself: it needs no second process and no time to start one. While it computes,
 * the server does nothing else, and a crash of native code ends both.
 */
export class LocalInference implements InferenceRunner {
  readonly processId = undefined;
  readonly #inference: Inference;
  readonly #events: InferenceRunnerEvents;
  #ended = false;

  constructor(load: Extract<ToInferenceWorker, { type: 'load' }>, events: InferenceRunnerEvents) {
    this.#events = events;
    this.#inference = new Inference((message) => {
      const failure = tell(events, message);
      if (failure) this.#end(failure);
    });
    this.#inference.handle(load);
  }

  predict(images: Uint8Array, count: number): void {
    this.#inference.handle({ type: 'predict', images, count });
  }

  async kill(): Promise<void> {
    this.#end(new RobleError('ROBLE_WORKER_DIED', 'Inference was given up.'));
  }

  #end(error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    // What it still computes is waited for by nobody.
    void this.#inference.close();
    this.#events.ended(error);
  }
}
