import { RobleError } from '../errors.js';
import { Inference } from './inference.js';
import type { ToInferenceWorker } from './inference-messages.js';
import type { InferenceRunner, InferenceRunnerEvents } from './inference-process.js';

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
      if (message.type === 'ready') events.ready();
      else if (message.type === 'health') events.health(message.problem);
      else if (message.type === 'failed' && message.during === 'load')
        void this.#end(RobleError.fromJSON(message.error));
      else events.answered(message);
    });
    this.#inference.handle(load);
  }

  predict(images: Uint8Array, count: number): void {
    this.#inference.handle({ type: 'predict', images, count });
  }

  async kill(): Promise<void> {
    await this.#end(new RobleError('ROBLE_WORKER_DIED', 'Inference was given up.'));
  }

  async #end(error: Error): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    // What it still computes is waited for by nobody.
    void this.#inference.close();
    this.#events.ended(error);
  }
}
