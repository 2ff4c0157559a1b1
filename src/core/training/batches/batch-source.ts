import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { startThread } from '../../module-url.js';
import type { Batch } from '../../plugin/api.js';
import { type BatchBuffers, type BatchRecipe, buffersOf } from './fill-batch.js';

/** Batches that are ready before the engine asks, and how many lie ready at most. */
const AHEAD = 3;

/** Batches in the order of the steps, prepared ahead on a thread. */
export class BatchSource {
  readonly #thread: Worker;
  readonly #ready = new Map<number, BatchBuffers>();
  #nextToAsk: number;
  #nextToGive: number;
  #used: BatchBuffers | undefined;
  #failure: Error | undefined;

  /** `firstStep` counts from 0 over the whole run. */
  constructor(recipe: BatchRecipe, firstStep: number) {
    this.#thread = startThread(import.meta.url, './batch-thread.js', { workerData: recipe });
    this.#thread.on('message', ({ step, batch }: { step: number; batch: BatchBuffers }) =>
      this.#ready.set(step, batch),
    );
    this.#thread.on('error', (error) => {
      this.#failure = error as Error;
    });
    this.#nextToAsk = firstStep;
    this.#nextToGive = firstStep;
    for (let i = 0; i < AHEAD; i++) this.#ask();
  }

  /** The next batch. It is the caller's until the following call. */
  async next(): Promise<Batch> {
    this.#ask();
    while (!this.#ready.has(this.#nextToGive)) {
      if (this.#failure) throw this.#failure;
      // A failed thread rejects this wait.
      await once(this.#thread, 'message');
    }
    const step = this.#nextToGive++;
    const batch = this.#ready.get(step)!;
    this.#ready.delete(step);
    this.#used = batch;
    return { ...batch, step };
  }

  async close(): Promise<void> {
    await this.#thread.terminate();
  }

  /** Asks for one more step, and gives the used batch back to be filled again. */
  #ask(): void {
    const used = this.#used;
    this.#used = undefined;
    this.#thread.postMessage({ step: this.#nextToAsk++, used }, used ? buffersOf(used) : []);
  }
}
