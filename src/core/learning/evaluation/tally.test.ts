import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_SUCH_CLASS } from './result.js';
import { EvaluationTally } from './tally.js';

const CLASSES = ['a', 'b', 'c', 'd', 'e'];
const LOOK_ALIKES = [['b', 'd']];

interface Sample {
  readonly label: string;
  readonly answer: readonly number[];
}

const probabilities = fc.array(fc.nat({ max: 4 }), { minLength: 5, maxLength: 5 }).map((weights) => {
  const whole = weights.reduce((a, b) => a + b);
  return weights.map((weight) => Math.fround(whole ? weight / whole : 0.2));
});
/** Equal probabilities and zeros are common, and "e" is rare. */
const known: fc.Arbitrary<Sample> = fc.record({
  label: fc.constantFrom('a', 'b', 'c', 'd'),
  answer: probabilities,
});
/** A label that no model knows, the names of what all objects have among them, or an answer that is none. */
const odd: fc.Arbitrary<Sample> = fc.oneof(
  fc.record({ label: fc.constantFrom('x', 'constructor', '__proto__'), answer: probabilities }),
  fc.record({
    label: fc.constantFrom('a', 'x'),
    answer: fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY).map((value) => [0.5, 0.5, value, 0, 0]),
  }),
);

function evaluationOf(samples: readonly Sample[]) {
  const tally = new EvaluationTally({ classes: CLASSES, lookAlikes: LOOK_ALIKES, topK: [1, 2, 3, 9] });
  for (const { label, answer } of samples) tally.add(label, Float32Array.from(answer));
  const sources = new Map(samples.map(({ label }, i) => [i, { source: `${i}.png`, label }]));
  return tally.result({ model: 'm', imagesPerSecond: 1 }, sources);
}

/** What is computed here by definitions, sample by sample. */
const isAnswer = ({ answer }: Sample) => answer.every(Number.isFinite);
const ranked = (sample: Sample) =>
  isAnswer(sample)
    ? CLASSES.map((name, i) => [name, sample.answer[i]!] as const)
        .sort((a, b) => b[1] - a[1])
        .map(([name]) => name)
    : [];
const predictedOf = (sample: Sample) => ranked(sample)[0];
const isRight = (sample: Sample) => predictedOf(sample) === sample.label;
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const share = (samples: readonly Sample[], of: (sample: Sample) => boolean) =>
  mean(samples.map((sample) => Number(of(sample))));
const probabilityOf = (sample: Sample, name: string) =>
  isAnswer(sample) ? (sample.answer[CLASSES.indexOf(name)] ?? 0) : 0;

const many = fc.array(fc.oneof({ weight: 4, arbitrary: known }, odd), { minLength: 1, maxLength: 150 });

describe('EvaluationTally', () => {
  it('gives the shares that their definitions give: what is unknown or no number is wrong', () =>
    fc.assert(
      fc.property(many, (samples) => {
        const result = evaluationOf(samples);
        const fold = (name: string | undefined) => (name === 'd' ? 'b' : name);
        expect(result.count).toBe(samples.length);
        expect(result.right).toBe(samples.filter(isRight).length);
        expect(result.accuracy).toBeCloseTo(share(samples, isRight), 12);
        for (const { k, accuracy } of result.topK)
          expect(accuracy).toBeCloseTo(
            share(samples, (sample) => ranked(sample).slice(0, k).includes(sample.label)),
            12,
          );
        expect(result.foldedAccuracy).toBeCloseTo(
          share(samples, (sample) => fold(predictedOf(sample)) === fold(sample.label)),
          12,
        );
        const knownOnes = samples.filter(({ label }) => CLASSES.includes(label));
        if (knownOnes.length === 0) expect(result.knownAccuracy).toBeNull();
        else expect(result.knownAccuracy).toBeCloseTo(share(knownOnes, isRight), 12);
        expect(result.unknown).toBe(samples.length - knownOnes.length);
        expect(result.nonFinite).toBe(samples.filter((sample) => !isAnswer(sample)).length);
      }),
    ));

  it('gives precision, recall and F1 by class, and their means over the labels that occur', () =>
    fc.assert(
      fc.property(many, (samples) => {
        const result = evaluationOf(samples);
        const labels = [...new Set([...CLASSES, ...samples.map(({ label }) => label)])];
        const expected = labels.map((label) => {
          const support = samples.filter((sample) => sample.label === label).length;
          const predictions = samples.filter((sample) => predictedOf(sample) === label).length;
          const right = samples.filter((sample) => sample.label === label && isRight(sample)).length;
          const ratio = (part: number, whole: number) => (whole === 0 ? null : part / whole);
          return {
            ...{ label, support, precision: ratio(right, predictions), recall: ratio(right, support) },
            f1: ratio(2 * right, support + predictions),
          };
        });
        const byLabel = (a: { label: string }, b: { label: string }) => (a.label < b.label ? -1 : 1);
        expect([...result.perClass].sort(byLabel)).toEqual([...expected].sort(byLabel));
        const numbers = (values: readonly (number | null)[]) => values.filter((value) => value !== null);
        expect(result.balancedAccuracy).toBeCloseTo(mean(numbers(expected.map(({ recall }) => recall))), 12);
        expect(result.macroF1).toBeCloseTo(mean(numbers(expected.map(({ f1 }) => f1))), 12);
      }),
    ));

  it('gives the scores of probabilities', () =>
    fc.assert(
      fc.property(many, (samples) => {
        const { loss, brierScore, calibration, expectedCalibrationError } = evaluationOf(samples);
        const finite = samples.filter(isAnswer);
        if (finite.length < samples.length) expect([loss, brierScore]).toEqual([null, null]);
        else {
          expect(loss).toBeCloseTo(
            mean(samples.map((one) => -Math.log(Math.max(probabilityOf(one, one.label), 1e-12)))),
            9,
          );
          const brier = (sample: Sample) =>
            [...new Set([...CLASSES, sample.label])]
              .map((name) => (probabilityOf(sample, name) - Number(name === sample.label)) ** 2)
              .reduce((a, b) => a + b);
          expect(brierScore).toBeCloseTo(mean(samples.map(brier)), 9);
        }
        expect(calibration.reduce((sum, { count }) => sum + count, 0)).toBe(finite.length);
        if (finite.length === 0) {
          expect(expectedCalibrationError).toBeNull();
          return;
        }
        const bins = new Map<number, Sample[]>();
        const sure = ({ answer }: Sample) => Math.max(...answer);
        for (const sample of finite) {
          const bin = Math.max(0, Math.ceil(sure(sample) * 15) - 1);
          bins.set(bin, [...(bins.get(bin) ?? []), sample]);
        }
        const gaps = [...bins.values()].map(
          (own) => (own.length / finite.length) * Math.abs(mean(own.map(sure)) - share(own, isRight)),
        );
        // The same bins but for probabilities next to an edge, which float32 may put on either side.
        expect(expectedCalibrationError).toBeCloseTo(
          gaps.reduce((a, b) => a + b, 0),
          6,
        );
      }),
    ));

  it('tells every mistake once, with what is no class by that word', () =>
    fc.assert(
      fc.property(many, (samples) => {
        const { confusions, confidentlyWrong, unknownLabels } = evaluationOf(samples);
        const mistakes = samples.filter((sample) => isAnswer(sample) && !isRight(sample));
        expect(confusions.reduce((sum, pair) => sum + pair.count, 0)).toBe(mistakes.length);
        const nameOf = ({ label }: Sample) => (CLASSES.includes(label) ? label : NO_SUCH_CLASS);
        for (const { label, predicted, count } of confusions)
          expect(
            mistakes.filter((sample) => nameOf(sample) === label && predictedOf(sample) === predicted),
          ).toHaveLength(count);
        for (const { index, source, label } of confidentlyWrong)
          expect([source, label]).toEqual([`${index}.png`, samples[index]!.label]);
        for (const { label, count: times } of unknownLabels)
          expect(samples.filter((sample) => sample.label === label)).toHaveLength(times);
      }),
    ));
});
