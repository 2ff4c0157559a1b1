import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Batch } from '../../../plugin/contracts.js';
import { type BatchBuffers, BatchFiller, type BatchRecipe, buffersOf } from './batch.js';

/** Batches that each thread has ready or in work before the engine asks. */
const AHEAD = 3;

/** Batches in the order of the steps, prepared ahead on threads that take turns. */
export class BatchSource {
  readonly #threads: readonly Worker[];
  readonly #ready = new Map<number, BatchBuffers>();
  #nextToAsk: number;
  #nextToGive: number;
  #used: BatchBuffers | undefined;
  #failure: Error | undefined;

  private constructor(recipe: BatchRecipe, firstStep: number, threads: number) {
    this.#threads = Array.from({ length: threads }, () => this.#start(recipe));
    this.#nextToAsk = firstStep;
    this.#nextToGive = firstStep;
    for (let i = 0; i < AHEAD * threads; i++) this.#ask();
  }

  /**
   * `firstStep` counts from 0 over the whole run. How many threads there are does not change the batches.
   *
   * @throws {RobleError} those of {@link BatchFiller.open}, which a thread could only tell as a plain error
   */
  static async open(recipe: BatchRecipe, firstStep: number, threads: number): Promise<BatchSource> {
    await BatchFiller.open(recipe);
    return new BatchSource(recipe, firstStep, threads);
  }

  /** The next batch. It is the caller's until the following call. */
  async next(): Promise<Batch> {
    this.#ask();
    const step = this.#nextToGive++;
    const thread = this.#threadOf(step);
    while (!this.#ready.has(step)) {
      if (this.#failure) throw this.#failure;
      // A failed thread rejects this wait.
      await once(thread, 'message');
    }
    const batch = this.#ready.get(step)!;
    this.#ready.delete(step);
    this.#used = batch;
    return { ...batch, step };
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }

  #start(recipe: BatchRecipe): Worker {
    const thread = new Worker(new URL('./batch-worker.js', import.meta.url), { workerData: recipe });
    thread.on('message', ({ step, batch }: { step: number; batch: BatchBuffers }) =>
      this.#ready.set(step, batch),
    );
    thread.on('error', (error) => {
      this.#failure = error as Error;
    });
    return thread;
  }

  #threadOf(step: number): Worker {
    return this.#threads[step % this.#threads.length]!;
  }

  /** Asks for one more step, and gives the used batch back to be filled again. */
  #ask(): void {
    const used = this.#used;
    this.#used = undefined;
    const step = this.#nextToAsk++;
    this.#threadOf(step).postMessage({ step, used }, used ? buffersOf(used) : []);
  }
}
