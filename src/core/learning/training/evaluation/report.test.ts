import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packed } from '../../../../../test/support/pictures.js';
import { temporaryFolder } from '../../../../../test/support/temporary-folder.js';
import { confusionPlot } from '../../../../pages/plot/class-plots.js';
import { RobleError } from '../../../base/errors.js';
import { worstPairs } from '../../analysis/findings/classes.js';
import type { EvaluationReport } from '../../history/record.js';
import { reportOn, writeEvaluation } from './report.js';
import type { EvaluationOptions, EvaluationSamples } from './stream-predictions.js';
import { evaluateSplit } from './stream-predictions.js';

const CLASSES = ['a', 'b', 'c', 'd', 'e'];
const LOOK_ALIKES = [['b', 'd']];

interface Sample {
  readonly label: number;
  readonly probabilities: readonly number[];
}

/** Weights from 0 to 4, so that equal probabilities and zeros are common; class 4 is rare. */
const sample: fc.Arbitrary<Sample> = fc
  .record({
    label: fc.nat({ max: 3 }),
    weights: fc.array(fc.nat({ max: 4 }), { minLength: 5, maxLength: 5 }),
  })
  .map(({ label, weights }) => {
    const whole = weights.reduce((a, b) => a + b);
    return { label, probabilities: weights.map((weight) => Math.fround(whole ? weight / whole : 0.2)) };
  });

/** A split whose pictures, 2x1 pixels, hold the number of the sample. */
function splitOf(samples: readonly Sample[]): EvaluationSamples {
  const images = new Uint8Array(samples.length * 2);
  const labels = new Uint16Array(samples.length);
  for (const [i, { label }] of samples.entries()) {
    images.set([i & 255, i >> 8], i * 2);
    labels[i] = label;
  }
  return { count: samples.length, labels, inputs: (start, end) => images.slice(2 * start, 2 * end) };
}

/** An engine that answers by the number in the picture, and has memory for so many pictures at once. */
function engineFor(samples: readonly Sample[], memory = Number.POSITIVE_INFINITY) {
  const sizes: number[] = [];
  const evaluate = async (images: Uint8Array, count: number) => {
    sizes.push(count);
    if (count > memory) throw new RobleError('ROBLE_OUT_OF_MEMORY', 'Too many pictures.');
    const indices = Array.from({ length: count }, (_, i) => images[i * 2]! + 256 * images[i * 2 + 1]!);
    return Float32Array.from(indices.flatMap((i) => samples[i]!.probabilities));
  };
  return { sizes, evaluate };
}

async function* provenanceOf(samples: readonly Sample[]) {
  for (const i of samples.keys()) yield { source: `photo-${i}.png` };
}

const options = (changes: Partial<EvaluationOptions> = {}): EvaluationOptions => ({
  batchSize: 7,
  onBatch: () => true,
  onOutOfMemory: () => {},
  ...changes,
});

async function reportFor(samples: readonly Sample[], lookAlikes = LOOK_ALIKES): Promise<EvaluationReport> {
  const subject = {
    split: splitOf(samples),
    provenance: provenanceOf(samples),
    classes: CLASSES,
    lookAlikes,
    epoch: 3,
  };
  return (await reportOn(engineFor(samples), subject, options()))!;
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
/** The classes, the most probable first, equal ones in their order. */
const ranked = ({ probabilities }: Sample) =>
  [...probabilities.keys()].sort((a, b) => probabilities[b]! - probabilities[a]! || a - b);
const predictedOf = (of: Sample) => ranked(of)[0]!;
const isRight = (of: Sample) => predictedOf(of) === of.label;
const rightness = (of: Sample) => (isRight(of) ? 1 : 0);

const manySamples = fc.array(sample, { minLength: 1, maxLength: 120 });

describe('reportOn', () => {
  it('gives the metrics that their definitions give', () =>
    fc.assert(
      fc.asyncProperty(manySamples, async (samples) => {
        const report = await reportFor(samples);
        const share = (of: (sample: Sample) => boolean) => mean(samples.map((one) => (of(one) ? 1 : 0)));
        const loss = mean(
          samples.map(({ label, probabilities }) => -Math.log(probabilities[label] || 1e-12)),
        );
        const recalls = [0, 1, 2, 3, 4]
          .map((c) => samples.filter(({ label }) => label === c))
          .filter((own) => own.length > 0)
          .map((own) => mean(own.map(rightness)));
        const fold = (c: number) => (c === 3 ? 1 : c);
        expect(report.count).toBe(samples.length);
        expect(report.loss).toBeCloseTo(loss, 9);
        expect(report.accuracy).toBeCloseTo(share(isRight), 9);
        expect(report.top3Accuracy).toBeCloseTo(
          share((one) => ranked(one).slice(0, 3).includes(one.label)),
          9,
        );
        expect(report.balancedAccuracy).toBeCloseTo(mean(recalls), 9);
        expect(report.foldedAccuracy).toBeCloseTo(
          share((one) => fold(one.label) === fold(predictedOf(one))),
          9,
        );
      }),
    ));

  it('counts the confusion matrix, and precision, recall and F1 by class', () =>
    fc.assert(
      fc.asyncProperty(manySamples, async (samples) => {
        const { confusion, perClass } = await reportFor(samples);
        const pairs = CLASSES.flatMap((_, t) => CLASSES.map((__, p) => [t, p] as const));
        const counted = pairs.map(([t, p]) => [
          ...[t, p],
          samples.filter((one) => one.label === t && predictedOf(one) === p).length,
        ]);
        expect(confusion).toEqual(counted.filter(([, , count]) => count! > 0));
        for (const [c, { label, support, precision, recall, f1 }] of perClass.entries()) {
          const own = samples.filter((one) => one.label === c);
          const predicted = samples.filter((one) => predictedOf(one) === c);
          expect([label, support]).toEqual([CLASSES[c], own.length]);
          const [p, r] = [predicted, own].map((of) => (of.length > 0 ? mean(of.map(rightness)) : null));
          expect([precision, recall]).toEqual([p, r]);
          if (own.length + predicted.length === 0) expect(f1).toBeNull();
          else if (p && r) expect(f1).toBeCloseTo(2 / (1 / p + 1 / r), 9);
          else expect(f1).toBe(0);
        }
      }),
    ));

  it('measures calibration over fifteen bins of confidence, each with its upper end', () =>
    fc.assert(
      fc.asyncProperty(manySamples, async (samples) => {
        const { calibration, expectedCalibrationError } = await reportFor(samples);
        const confidenceOf = (one: Sample) => one.probabilities[predictedOf(one)]!;
        const bins = Array.from({ length: 15 }, (_, m) =>
          samples.filter((one) => confidenceOf(one) > m / 15 && confidenceOf(one) <= (m + 1) / 15),
        );
        expect(calibration.map(({ count }) => count)).toEqual(bins.map((bin) => bin.length));
        let error = 0;
        for (const [m, bin] of bins.entries()) {
          if (bin.length === 0) continue;
          const [confidence, accuracy] = [mean(bin.map(confidenceOf)), mean(bin.map(rightness))];
          expect(calibration[m]!.confidence).toBeCloseTo(confidence, 9);
          expect(calibration[m]!.accuracy).toBeCloseTo(accuracy, 9);
          error += (bin.length / samples.length) * Math.abs(confidence - accuracy);
        }
        expect(expectedCalibrationError).toBeCloseTo(error, 9);
      }),
    ));

  it('names the most certain mistakes, at most 24, the most certain first', () =>
    fc.assert(
      fc.asyncProperty(manySamples, async (samples) => {
        const { confidentlyWrong } = await reportFor(samples);
        const expected = [...samples.keys()]
          .filter((i) => !isRight(samples[i]!))
          .map((i) => {
            const { label, probabilities } = samples[i]!;
            const predicted = predictedOf(samples[i]!);
            return {
              index: i,
              source: `photo-${i}.png`,
              label: CLASSES[label],
              predicted: CLASSES[predicted],
              probability: probabilities[predicted]!,
            };
          })
          .sort((a, b) => b.probability - a.probability || a.index - b.index)
          .slice(0, 24);
        expect(confidentlyWrong).toEqual(expected);
      }),
    ));

  it('counts what is no number as wrong, in every metric', () =>
    fc.assert(
      fc.asyncProperty(
        manySamples,
        fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
        fc.nat(4),
        async (samples, odd, place) => {
          const isOdd = (i: number) => i % 3 === 0;
          const broken = samples.map((one, i) =>
            isOdd(i) ? { ...one, probabilities: one.probabilities.with(place, odd) } : one,
          );
          const report = await reportFor(broken);
          const right = (of: (one: Sample) => boolean) =>
            samples.filter((one, i) => !isOdd(i) && of(one)).length / samples.length;
          expect(report.loss).toBeNaN();
          expect(report.accuracy).toBeCloseTo(right(isRight), 9);
          expect(report.top3Accuracy).toBeCloseTo(
            right((one) => ranked(one).slice(0, 3).includes(one.label)),
            9,
          );
          for (const [c, { support, recall }] of report.perClass.entries()) {
            const own = samples.flatMap((one, i) => (one.label === c ? [isOdd(i) ? 0 : rightness(one)] : []));
            expect([support, recall]).toEqual([own.length, own.length > 0 ? mean(own) : null]);
          }
          const sure = samples.filter((_, i) => !isOdd(i));
          expect(report.confusion.reduce((sum, [, , count]) => sum + count, 0)).toBe(sure.length);
          expect(report.calibration.reduce((sum, { count }) => sum + count, 0)).toBe(sure.length);
          expect(report.confidentlyWrong.every(({ probability }) => Number.isFinite(probability))).toBe(true);
        },
      ),
    ));

  it('stays as small as the samples are few, however many classes there are', async () => {
    const classes = Array.from({ length: 8000 }, (_, i) => `class ${i}`);
    const labels = [5, 7999, 5, 42, 42];
    const evaluate = async (_: Uint8Array, count: number) => {
      const rows = new Float32Array(count * classes.length);
      // Every answer is the class 5.
      for (let i = 0; i < count; i++) rows[i * classes.length + 5] = 1;
      return rows;
    };
    const samples = labels.map((label) => ({ label, probabilities: [] }));
    const subject = {
      ...{ split: splitOf(samples), provenance: provenanceOf(samples) },
      ...{ classes, lookAlikes: [['class 5', 'class 42']], epoch: 1 },
    };
    const report = (await reportOn({ evaluate }, subject, options()))!;
    expect(report.confusion).toEqual([
      [5, 5, 2],
      [42, 5, 2],
      [7999, 5, 1],
    ]);
    expect([report.accuracy, report.foldedAccuracy]).toEqual([0.4, 0.8]);
    // Of each class a name and a line of numbers.
    expect(JSON.stringify(report).length).toBeLessThan(150 * classes.length);
    expect(worstPairs(report, 1)).toEqual([
      {
        ...{ first: 'class 42', second: 'class 5', count: 2, share: 2 / 3 },
        ...{ firstAsSecond: 2, secondAsFirst: 0 },
      },
    ]);
    expect(confusionPlot(report).drawing.length).toBeLessThan(100_000);
  });

  it('has no folded accuracy without groups of look-alikes', async () => {
    const samples = fc.sample(sample, { numRuns: 5, seed: 1 });
    expect(await reportFor(samples, [])).not.toHaveProperty('foldedAccuracy');
  });
});

describe('evaluateSplit', () => {
  const samples = fc.sample(sample, { numRuns: 100, seed: 2 });
  const evaluate = (engine: ReturnType<typeof engineFor>, changes: Partial<EvaluationOptions>) =>
    evaluateSplit(engine, splitOf(samples), CLASSES.length, options(changes));

  it('halves a batch that does not fit into the memory, tells so, and sees every sample once all the same', async () => {
    const whole = await evaluate(engineFor(samples), { batchSize: 100 });
    for (const memory of [1, 2, 3, 12, 50, 99]) {
      const told: number[] = [];
      const engine = engineFor(samples, memory);
      const done: number[] = [];
      const metrics = await evaluate(engine, {
        batchSize: 128,
        onBatch: (count) => done.push(count) > 0,
        onOutOfMemory: (size) => told.push(size),
      });
      expect(metrics).toEqual(whole);
      expect(told.at(-1)).toBeLessThanOrEqual(memory);
      expect(told.at(-1)).toBeGreaterThan(memory / 2 - 1);
      expect(done.at(-1)).toBe(100);
      // Once found, the size is kept: no second failure.
      expect(engine.sizes.filter((size) => size > memory)).toHaveLength(told.length);
    }
  });

  it('gives up when not even one picture fits', async () => {
    const told: number[] = [];
    await expect(
      evaluate(engineFor(samples, 0), { batchSize: 8, onOutOfMemory: (size) => told.push(size) }),
    ).rejects.toMatchObject({ code: 'ROBLE_OUT_OF_MEMORY' });
    expect(told).toEqual([4, 2, 1]);
  });

  it('passes other errors on at once', async () => {
    const evaluating = evaluateSplit(
      { evaluate: () => Promise.reject(new Error('broken')) },
      splitOf(samples),
      CLASSES.length,
      options(),
    );
    await expect(evaluating).rejects.toThrow('broken');
  });

  it('ends without a result when it is asked to', async () => {
    const engine = engineFor(samples);
    expect(await evaluate(engine, { onBatch: (done) => done < 14 })).toBeUndefined();
    expect(engine.sizes).toEqual([7, 7]);
  });
});

describe('writeEvaluation', () => {
  let root: string;
  let remove: () => Promise<void>;
  beforeAll(async () => {
    ({ path: root, remove } = await temporaryFolder('evaluation'));
  });
  afterAll(() => remove());

  const wrong = { label: 0, probabilities: [0, 0.9, 0.1, 0, 0] };
  const right = { label: 1, probabilities: [0, 1, 0, 0, 0] };
  const shape = { width: 2, height: 1, channels: 1 } as const;

  it('writes the report, and a sheet with the pictures of the mistakes in their order', async () => {
    const run = join(root, 'run');
    await mkdir(run);
    const samples = [right, ...Array(7).fill(wrong)];
    const report = await reportFor(samples);
    // Sample i is a picture of brightness 30 i.
    const images = Uint8Array.from({ length: 16 }, (_, i) => 30 * (i >> 1));
    await writeEvaluation(run, report, packed(images, 2), shape);
    expect(JSON.parse(await readFile(join(run, 'evaluation.json'), 'utf8'))).toEqual(report);
    const { data, info } = await sharp(join(run, 'mistakes.png'))
      .toColourspace('b-w')
      .raw()
      .toBuffer({ resolveWithObject: true });
    // Two rows of six, each picture 2x1 pixels after a gap of 2, all times 42.
    expect([info.width, info.height]).toEqual([26 * 42, 8 * 42]);
    const brightness = (column: number, row: number) =>
      data[(2 + 3 * row) * 42 * info.width + (2 + 4 * column) * 42];
    expect([0, 1, 2, 3, 4, 5].map((column) => brightness(column, 0))).toEqual([30, 60, 90, 120, 150, 180]);
    expect(brightness(0, 1)).toBe(210);
  });

  it('leaves no sheet of an older report when there is no mistake', async () => {
    const run = join(root, 'right');
    await mkdir(run);
    const pictures = packed(new Uint8Array(4), 2);
    await writeEvaluation(run, await reportFor([right, wrong]), pictures, shape);
    expect((await readdir(run)).sort()).toEqual(['evaluation.json', 'mistakes.png']);
    await writeEvaluation(run, await reportFor([right, right]), pictures, shape);
    expect(await readdir(run)).toEqual(['evaluation.json']);
  });
});
