import { type DropoutMaskSpec, fillDropoutMask } from '../model/dropout.js';
import type { Batch } from '../plugin/api.js';
import { Random } from '../random/index.js';

/** What a batch is made from; plain data, so that it passes to a thread. The pixels are shared, not copied. */
export interface BatchRecipe {
  readonly images: Uint8Array;
  readonly labels: Uint16Array;
  /** Values of one image. */
  readonly imageSize: number;
  readonly classes: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly labelSmoothing: number;
  readonly dropout: readonly DropoutMaskSpec[];
}

/** Whole batches in an epoch. What is left over is in other places of the next epoch's order. */
export function stepsPerEpochOf(recipe: Pick<BatchRecipe, 'labels' | 'batchSize'>): number {
  return Math.floor(recipe.labels.length / recipe.batchSize);
}

/** An empty batch, to be filled again and again. */
export function allocateBatch(recipe: BatchRecipe): Batch {
  const { batchSize, imageSize, classes, dropout } = recipe;
  return {
    count: batchSize,
    images: new Uint8Array(batchSize * imageSize),
    targets: new Float32Array(batchSize * classes),
    masks: Object.fromEntries(dropout.map(({ name, size }) => [name, new Uint8Array(batchSize * size)])),
  };
}

/** The memory of a batch, which moves to another thread with it instead of being copied. */
export function buffersOf({ images, targets, masks }: Batch): ArrayBuffer[] {
  return [images, targets, ...Object.values(masks)].map((array) => array.buffer as ArrayBuffer);
}

/**
 * Fills the batch of a step, counted from 0 over the whole run: a pure function of the recipe and the step, so that
 * a run can go on from any step.
 */
export class BatchFiller {
  readonly #recipe: BatchRecipe;
  #epoch = -1;
  #order: Uint32Array = new Uint32Array();

  constructor(recipe: BatchRecipe) {
    this.#recipe = recipe;
  }

  fill(batch: Batch, step: number): void {
    const { images, labels, imageSize, classes, batchSize, seed, labelSmoothing, dropout } = this.#recipe;
    const stepsPerEpoch = stepsPerEpochOf(this.#recipe);
    const order = this.#orderOf(Math.floor(step / stepsPerEpoch));
    const start = (step % stepsPerEpoch) * batchSize;
    // Label smoothing: Szegedy et al. 2016.
    batch.targets.fill(labelSmoothing / classes);
    for (let i = 0; i < batchSize; i++) {
      const sample = order[start + i]!;
      batch.images.set(images.subarray(sample * imageSize, (sample + 1) * imageSize), i * imageSize);
      batch.targets[i * classes + labels[sample]!]! += 1 - labelSmoothing;
    }
    for (const spec of dropout) fillDropoutMask(batch.masks[spec.name]!, spec, seed, step);
  }

  #orderOf(epoch: number): Uint32Array {
    if (epoch !== this.#epoch) {
      this.#order = new Random(this.#recipe.seed, 'shuffle', epoch).permutation(this.#recipe.labels.length);
      this.#epoch = epoch;
    }
    return this.#order;
  }
}
