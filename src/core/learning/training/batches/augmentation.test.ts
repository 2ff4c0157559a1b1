import { describe, expect, it } from 'vitest';
import { knownAugmenters } from '../../../../../test/support/augmenters.js';
import { packed } from '../../../../../test/support/pictures.js';
import { loadPipeline } from '../../../data/augment/pipeline.js';
import { type AugmentSettings, augmentSchema } from '../../../data/augment/settings.js';
import { preprocessingSchema } from '../../../image/settings.js';
import { packDrawing } from '../../../image/strokes/packed.js';
import { PluginRegistry } from '../../../plugin/registry.js';
import {
  allocateBatch,
  type BatchBuffers,
  BatchFiller,
  type BatchRecipe,
  samplesOfStep,
  stepsPerEpochOf,
} from './batch.js';

const SIZE = 4;
/** Sample i is a picture of the value i. */
const images = Uint8Array.from({ length: 50 * SIZE }, (_, i) => Math.floor(i / SIZE));
const settingsOf = (...names: string[]) =>
  augmentSchema.parse({ strategy: names.map((augmenter) => ({ augmenter })) });

function recipeWith(settings: AugmentSettings | undefined): BatchRecipe {
  return {
    pictures: packed(images, SIZE),
    labels: Uint16Array.from({ length: 50 }, (_, i) => i % 3),
    imageSize: SIZE,
    classes: 3,
    batchSize: 8,
    maxSteps: 0,
    seed: 7,
    labelSmoothing: 0.1,
    classWeights: undefined,
    mixupAlpha: 0,
    augmentation: settings && {
      augment: settings,
      background: 0,
      preprocessing: preprocessingSchema.parse({ width: 2, height: 2 }),
      classes: ['a', 'b', 'c'],
      plugins: knownAugmenters,
    },
    dropout: [],
  };
}

async function batchOf(recipe: BatchRecipe, step: number) {
  const batch = allocateBatch(recipe);
  (await BatchFiller.open(recipe)).fill(batch, step);
  return batch;
}
const valuesOf = (batch: Pick<BatchBuffers, 'images'>) => [...batch.images].filter((_, i) => i % SIZE === 0);

describe('the augmentation of batches', () => {
  it('gives the copy that (seed, sample, epoch) determine, and leaves the targets alone', async () => {
    const settings = settingsOf('add');
    const recipe = recipeWith(settings);
    const pipeline = await loadPipeline(new PluginRegistry(knownAugmenters), settings.strategy, settings);
    for (const step of [2, 9]) {
      const epoch = Math.floor(step / stepsPerEpochOf(recipe));
      const batch = await batchOf(recipe, step);
      for (const [i, sample] of samplesOfStep(recipe, step).entries()) {
        const data = images.subarray(sample * SIZE, (sample + 1) * SIZE);
        const key = { seed: 7, sample, copy: epoch };
        const copy = pipeline.apply({ width: 2, height: 2, channels: 1, data }, key, 'abc'[sample % 3]!);
        expect(batch.images.subarray(i * SIZE, (i + 1) * SIZE)).toEqual(copy.data);
      }
      expect(batch.targets).toEqual((await batchOf(recipeWith(undefined), step)).targets);
    }
  });

  it('gives each sample its own strokes, and does without where there are none', async () => {
    const dot = [[1, 1]] as const;
    const frame = { width: 2, height: 2 };
    // Sample i has 100 + i strokes where i is even, else none.
    const drawings = Array.from({ length: 50 }, (_, i) =>
      i % 2 ? Int16Array.of(0) : packDrawing(new Array(100 + i).fill(dot), frame),
    );
    const words = Int16Array.from(drawings.flatMap((drawing) => [...drawing]));
    const starts = new Uint32Array(51);
    for (const [i, { length }] of drawings.entries()) starts[i + 1] = starts[i]! + length;
    const recipe = { ...recipeWith(settingsOf('redraw')), strokes: { words, starts } };
    const values = valuesOf(await batchOf(recipe, 3));
    expect(values).toEqual(samplesOfStep(recipe, 3).map((sample) => (sample % 2 ? sample : 100 + sample)));
  });

  it('is a pure function of the step', async () => {
    const recipe = recipeWith(settingsOf('add', 'swap', 'add'));
    const used = await BatchFiller.open(recipe);
    const batch = allocateBatch(recipe);
    for (const step of [11, 0, 7]) {
      used.fill(batch, step);
      expect(batch).toEqual(await batchOf(recipe, step));
    }
  });

  it('makes another copy in each epoch', async () => {
    const recipe = recipeWith(settingsOf('add'));
    const amounts = new Map<number, number[]>();
    for (let step = 0; step < 18; step++) {
      const values = valuesOf(await batchOf(recipe, step));
      for (const [i, sample] of samplesOfStep(recipe, step).entries())
        amounts.set(sample, [...(amounts.get(sample) ?? []), values[i]! - sample]);
    }
    const repeated = [...amounts.values()].filter((drawn) => new Set(drawn).size < drawn.length);
    // Three amounts of 100 hold an equal pair with chance 3 %.
    expect(repeated.length).toBeLessThan(8);
  });

  it('blends with another sample of the same class, each as likely as any other', async () => {
    const recipe = recipeWith(settingsOf('swap'));
    const partners = new Set<string>();
    for (let step = 0; step < 120; step++) {
      const values = valuesOf(await batchOf(recipe, step));
      for (const [i, sample] of samplesOfStep(recipe, step).entries()) {
        expect(values[i]! % 3).toBe(sample % 3);
        expect(values[i]).not.toBe(sample);
        partners.add(`${sample} ${values[i]}`);
      }
    }
    // 960 draws of 784 pairs leave 29 % of them out, give or take 2 %.
    expect(partners.size).toBeGreaterThan(784 * 0.6);
  });

  it('comes before mixup, which blends the changed pictures', async () => {
    const settings = settingsOf('add');
    const [changed, mixed] = [
      await batchOf(recipeWith(settings), 4),
      await batchOf({ ...recipeWith(settings), mixupAlpha: 0.4 }, 4),
    ];
    const [own, blended] = [valuesOf(changed), valuesOf(mixed)];
    const shares = own.flatMap((value, i) => {
      const other = own[(i + 1) % 8]!;
      return Math.abs(value - other) > 20 ? [(blended[i]! - other) / (value - other)] : [];
    });
    expect(shares.length).toBeGreaterThan(2);
    for (const share of shares) expect(Math.abs(share - shares[0]!)).toBeLessThan(0.06);
  });
});
