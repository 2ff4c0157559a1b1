import { expect, it } from 'vitest';
import { type RunScore, rareClasses, summarize } from './scores.js';

const score = (condition: string, seed: number, metrics: RunScore['metrics']): RunScore => ({
  condition,
  seed,
  run: `${condition}/seed-${seed}`,
  steps: 10,
  bestEpoch: 1,
  trainSeconds: 1 + seed,
  metrics,
});
/** Runs of a condition with these accuracies, seed by seed. */
const runs = (condition: string, ...accuracies: number[]) =>
  accuracies.map((accuracy, seed) => score(condition, seed, { accuracy, balancedAccuracy: accuracy }));

it('says which of two conditions a difference speaks for, whichever way it goes', () => {
  const scores = [
    ...runs('base', 0.7, 0.71, 0.72, 0.7, 0.71),
    ...runs('worse', 0.6, 0.612, 0.619, 0.6, 0.611),
    ...runs('better', 0.8, 0.812, 0.819, 0.8, 0.811),
    ...runs('same', 0.7, 0.71, 0.72, 0.7, 0.71),
  ];
  const [base, worse, better, same] = summarize(['base', 'worse', 'better', 'same'], scores);
  expect(base!.differences).toEqual({});
  expect(worse!.differences.accuracy!.meanDifference).toBeCloseTo(-0.0996, 9);
  expect(worse!.differences.accuracy!.verdict).toMatch(/^base is better \(-10\.0 points/);
  expect(better!.differences.accuracy!.verdict).toMatch(/^better is better \(10\.0 points/);
  expect(same!.differences.accuracy!.verdict).toMatch(/^No difference/);
  // Two of the conditions have a test, so that the smaller p value is doubled.
  const { pValue, adjustedPValue } = better!.differences.accuracy!.test!;
  expect(adjustedPValue).toBeCloseTo(2 * pValue, 12);
});

it('leaves a metric out that a run has nothing to compute from', () => {
  const scores = [score('a', 0, { accuracy: 0.5, rareRecall: 0.1 }), score('b', 0, { accuracy: 0.6 })];
  const [a, b] = summarize(['a', 'b'], scores);
  expect(Object.keys(a!.metrics)).toEqual(['accuracy']);
  expect(Object.keys(b!.differences)).toEqual(['accuracy']);
});

it('the rare classes are the rarest quarter, rounded up, with all that are as rare', () => {
  expect(rareClasses([700, 20, 700, 30, 20, 500, 700, 700])).toEqual([1, 4]);
  expect(rareClasses([5, 4, 3, 2, 1])).toEqual([3, 4]);
  expect(rareClasses([9, 1, 1, 1])).toEqual([1, 2, 3]);
  expect(rareClasses([8, 8, 8])).toEqual([0, 1, 2]);
});
