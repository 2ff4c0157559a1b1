import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packed } from '../../../../../test/support/pictures.js';
import { Random, symmetricBeta } from '../../../base/random.js';
import {
  allocateBatch,
  BatchFiller,
  type BatchRecipe,
  balancedClassWeights,
  samplesOfStep,
  stepsPerEpochOf,
} from './batch.js';

/** Image i holds the value i, so that a batch tells which samples it is made of. */
const recipe: BatchRecipe = {
  pictures: packed(
    Uint8Array.from({ length: 50 * 4 }, (_, i) => i >> 2),
    4,
  ),
  labels: Uint16Array.from({ length: 50 }, (_, i) => i % 3),
  imageSize: 4,
  classes: 3,
  batchSize: 8,
  maxSteps: 0,
  seed: 7,
  labelSmoothing: 0.3,
  classWeights: undefined,
  mixupAlpha: 0,
  augmentation: undefined,
  dropout: [{ name: 'dropout1', size: 5, rate: 0.5, source: 'cipher' }],
};

const filler = await BatchFiller.open(recipe);

function filled(step: number, by = filler) {
  const batch = allocateBatch(recipe);
  by.fill(batch, step);
  return batch;
}
const filledBy = async (changes: Partial<BatchRecipe>, step: number) =>
  filled(step, await BatchFiller.open({ ...recipe, ...changes }));

const samplesOf = (step: number) => Array.from({ length: 8 }, (_, i) => filled(step).images[i * 4]!);
const rowOf = (targets: Float32Array, i: number) => [...targets.subarray(i * 3, i * 3 + 3)];

describe('BatchFiller', () => {
  it('is a pure function of the step: any order of calls gives the same batches', async () => {
    const forward = await BatchFiller.open(recipe);
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
      for (const [c, value] of rowOf(targets, i).entries())
        expect(value).toBeCloseTo(c === label ? 0.8 : 0.1, 6);
    }
  });

  it('overwrites all of a used batch', () => {
    const batch = allocateBatch(recipe);
    filler.fill(batch, 1);
    filler.fill(batch, 2);
    expect(batch).toEqual(filled(2));
  });

  it('tells the samples of a step, of any epoch', () => {
    for (const step of [0, 5, 6, 40]) expect(samplesOfStep(recipe, step)).toEqual(samplesOf(step));
  });

  it('ends an epoch after the largest number of steps, with samples from all of the data', () => {
    const short = { ...recipe, maxSteps: 2 };
    expect(stepsPerEpochOf(short)).toBe(2);
    expect(stepsPerEpochOf({ ...recipe, maxSteps: 100 })).toBe(6);
    expect(samplesOfStep(short, 1)).toEqual(samplesOfStep(recipe, 1));
    expect(samplesOfStep(short, 2)).toEqual(samplesOfStep(recipe, 6));
    const seen = new Set(Array.from({ length: 40 }, (_, step) => samplesOfStep(short, step)).flat());
    expect(seen.size).toBe(50);
  });

  it('multiplies a target row by the weight of its class, and changes nothing else', async () => {
    const classWeights = [0.5, 2, 3];
    const [plain, weighted] = [filled(3), await filledBy({ classWeights }, 3)];
    for (let i = 0; i < 8; i++) {
      const weight = classWeights[plain.images[i * 4]! % 3]!;
      for (const [c, value] of rowOf(plain.targets, i).entries())
        expect(weighted.targets[i * 3 + c]).toBeCloseTo(value * weight, 6);
    }
    expect({ ...weighted, targets: plain.targets }).toEqual(plain);
  });

  it('fills what it always did: a run that was begun with an older version goes on with the same batches', async () => {
    const dropout = recipe.dropout.map((spec) => ({ ...spec, source: 'words' as const }));
    const older = await BatchFiller.open({ ...recipe, dropout });
    const hash = createHash('sha256');
    for (let step = 0; step < 20; step++) {
      const { images, targets, masks } = filled(step, older);
      for (const { buffer } of [images, targets, masks.dropout1!]) hash.update(new Uint8Array(buffer));
    }
    expect(hash.digest('hex')).toBe('96770bfd686bd15ec539d59b47dd11c5fae479a6f7ada0e324cbcab324189f67');
  });
});

describe('mixup', () => {
  const mixupAlpha = 0.4;

  it('blends each picture and its target with those of another sample, by one share in the batch', async () => {
    for (let step = 0; step < 30; step++) {
      const [plain, mixed] = [filled(step), await filledBy({ mixupAlpha }, step)];
      const share = symmetricBeta(new Random(7, 'mixup', step), mixupAlpha);
      const samples = samplesOfStep(recipe, step);
      for (let i = 0; i < 8; i++) {
        const partner = (i + 1) % 8;
        const blended = share * samples[i]! + (1 - share) * samples[partner]!;
        expect(Math.abs(mixed.images[i * 4]! - blended)).toBeLessThanOrEqual(0.5);
        const [own, other] = [rowOf(plain.targets, i), rowOf(plain.targets, partner)];
        for (const [c, value] of rowOf(mixed.targets, i).entries())
          expect(value).toBeCloseTo(share * own[c]! + (1 - share) * other[c]!, 6);
      }
      expect(mixed.masks).toEqual(plain.masks);
    }
  });

  it('keeps white white: no pixel wraps around', async () => {
    const pictures = packed(new Uint8Array(50 * 4).fill(255), 4);
    const white = await BatchFiller.open({ ...recipe, pictures, mixupAlpha: 1 });
    for (let step = 0; step < 50; step++) expect(new Set(filled(step, white).images)).toEqual(new Set([255]));
  });

  it('with class weights lets each of both samples weigh what its class does', async () => {
    const classWeights = [0.5, 2, 3];
    const mixed = await filledBy({ mixupAlpha, classWeights }, 2);
    const share = symmetricBeta(new Random(7, 'mixup', 2), mixupAlpha);
    const weights = samplesOfStep(recipe, 2).map((sample) => classWeights[sample % 3]!);
    for (let i = 0; i < 8; i++) {
      const sum = rowOf(mixed.targets, i).reduce((a, b) => a + b);
      expect(sum).toBeCloseTo(share * weights[i]! + (1 - share) * weights[(i + 1) % 8]!, 5);
    }
  });

  it('is a pure function of the step', async () => {
    const used = await BatchFiller.open({ ...recipe, mixupAlpha });
    filled(9, used);
    expect(filled(4, used)).toEqual(await filledBy({ mixupAlpha }, 4));
  });
});

describe('balancedClassWeights', () => {
  it('gives every class that has samples the same total weight, and the samples a mean of 1', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 5 }), { minLength: 1, maxLength: 200 }), (labels) => {
        const weights = balancedClassWeights(labels, 7);
        const totals = weights.map((weight, c) => weight * labels.filter((label) => label === c).length);
        const present = new Set(labels);
        for (const [c, total] of totals.entries())
          expect(total).toBeCloseTo(present.has(c) ? labels.length / present.size : 0, 9);
        expect(totals.reduce((sum, total) => sum + total) / labels.length).toBeCloseTo(1, 9);
      }),
    );
  });
});
