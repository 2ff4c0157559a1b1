import { describe, expect, it } from 'vitest';
import { allocateBatch, BatchFiller, type BatchRecipe, stepsPerEpochOf } from './fill-batch.js';

/** Image i holds the value i, so that a batch tells which samples it is made of. */
const recipe: BatchRecipe = {
  images: Uint8Array.from({ length: 50 * 4 }, (_, i) => i >> 2),
  labels: Uint16Array.from({ length: 50 }, (_, i) => i % 3),
  imageSize: 4,
  classes: 3,
  batchSize: 8,
  seed: 7,
  labelSmoothing: 0.3,
  dropout: [{ name: 'dropout1', size: 5, rate: 0.5 }],
};

function filled(step: number, filler = new BatchFiller(recipe)) {
  const batch = allocateBatch(recipe);
  filler.fill(batch, step);
  return batch;
}

const samplesOf = (step: number) => Array.from({ length: 8 }, (_, i) => filled(step).images[i * 4]!);

describe('BatchFiller', () => {
  it('is a pure function of the step: any order of calls gives the same batches', () => {
    const forward = new BatchFiller(recipe);
    const batches = Array.from({ length: 20 }, (_, step) => filled(step, forward));
    for (const step of [19, 3, 11, 0, 6]) expect(filled(step)).toEqual(batches[step]);
  });

  it('takes no sample twice in an epoch, and another order in the next', () => {
    const steps = stepsPerEpochOf(recipe);
    expect(steps).toBe(6);
    const epochs = [0, 1].map((epoch) =>
      Array.from({ length: steps }, (_, i) => samplesOf(epoch * steps + i)).flat(),
    );
    for (const samples of epochs) expect(new Set(samples).size).toBe(samples.length);
    expect(epochs[0]).not.toEqual(epochs[1]);
  });

  it('pairs each image with its smoothed label', () => {
    const { images, targets } = filled(4);
    for (let i = 0; i < 8; i++) {
      const label = images[i * 4]! % 3;
      const row = [...targets.subarray(i * 3, i * 3 + 3)];
      for (const [c, value] of row.entries()) expect(value).toBeCloseTo(c === label ? 0.8 : 0.1, 6);
    }
  });

  it('overwrites all of a used batch', () => {
    const batch = allocateBatch(recipe);
    const filler = new BatchFiller(recipe);
    filler.fill(batch, 1);
    filler.fill(batch, 2);
    expect(batch).toEqual(filled(2));
  });
});
