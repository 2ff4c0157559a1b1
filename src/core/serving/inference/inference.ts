import { setTimeout as sleep } from 'node:timers/promises';
import { RobleError } from '../../base/errors.js';
import type { Predictor } from '../../plugin/contracts.js';
import { PluginRegistry } from '../../plugin/registry.js';
import { openPredictor } from '../../predict/predictor.js';
import type { FromInferenceWorker, ToInferenceWorker } from './inference-messages.js';

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
