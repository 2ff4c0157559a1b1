import { type RunningWorker, startThread } from '../../../base/process/workers.js';
import type { Batch } from '../../../plugin/contracts.js';
import { guestsOf } from '../../../plugin/guard.js';
import { type BatchBuffers, type BatchRecipe, buffersOf } from './batch.js';
import type { BatchThread } from './batch-worker.js';

/** Batches that each thread has ready or in work before the engine asks. */
const AHEAD = 3;

/** Batches in the order of the steps, prepared ahead on threads that take turns. */
export class BatchSource {
  readonly #threads: readonly RunningWorker<BatchThread>[];
  /** Those that were asked for, in the order of the steps. */
  readonly #asked: Promise<BatchBuffers>[] = [];
  #nextToAsk: number;
  #nextToGive: number;
  #used: BatchBuffers | undefined;

  private constructor(recipe: BatchRecipe, firstStep: number, threads: number) {
    this.#threads = Array.from({ length: threads }, () =>
      startThread<BatchThread>(new URL('./batch-worker.js', import.meta.url), recipe, {
        name: 'A thread of batches',
        guests: guestsOf(recipe.augmentation?.plugins ?? []),
      }),
    );
    this.#nextToAsk = firstStep;
    this.#nextToGive = firstStep;
    for (let i = 0; i < AHEAD * threads; i++) this.#ask();
  }

  /**
   * `firstStep` counts from 0 over the whole run. How many threads there are does not change the batches.
   *
   * @throws {RobleError} those of loading the augmenters
   */
  static async open(recipe: BatchRecipe, firstStep: number, threads: number): Promise<BatchSource> {
    const source = new BatchSource(recipe, firstStep, threads);
    try {
      await Promise.all(source.#threads.map(({ started }) => started));
      return source;
    } catch (error) {
      await source.close();
      throw error;
    }
  }

  /** The next batch. It is the caller's until the following call. */
  async next(): Promise<Batch> {
    this.#ask();
    this.#used = await this.#asked.shift()!;
    return { ...this.#used, step: this.#nextToGive++ };
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.kill()));
  }

  /** Asks for one more step, and gives the used batch back to be filled again. */
  #ask(): void {
    const used = this.#used;
    this.#used = undefined;
    const step = this.#nextToAsk++;
    const thread = this.#threads[step % this.#threads.length]!;
    const batch = thread.call('fill', { step, used }, { move: used && buffersOf(used) });
    // A failure is thrown when its turn comes.
    batch.catch(() => {});
    this.#asked.push(batch);
  }
}
