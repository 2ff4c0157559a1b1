import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasDiverged, rateAt, smoothed, suggestLearningRate } from './find-learning-rate.js';

/** A range test of a hundred steps from 1e-6 to 1, whose loss is a function of the logarithm of the rate. */
const testOf = (lossAt: (exponent: number) => number) =>
  Array.from({ length: 100 }, (_, step) => {
    const learningRate = rateAt(step, 100, 1e-6, 1);
    return { learningRate, loss: lossAt(Math.log10(learningRate)) };
  });
/** Flat, then a fall whose middle is at `center`, then flat at 0.2, and from `end` on a steep rise. */
const typical = (center: number, end: number) => (exponent: number) =>
  0.2 + 2 / (1 + Math.exp(4 * (exponent - center))) + (exponent > end ? 5 * (exponent - end) : 0);

const decadesApart = (a: number, b: number) => Math.abs(Math.log10(a / b));

describe('rateAt', () => {
  it('goes from the first rate to the last by one factor', () => {
    const rates = Array.from({ length: 50 }, (_, step) => rateAt(step, 50, 1e-5, 0.5));
    expect(rates[0]).toBeCloseTo(1e-5, 12);
    expect(rates.at(-1)).toBeCloseTo(0.5, 12);
    const factors = rates.slice(1).map((rate, i) => rate / rates[i]!);
    for (const factor of factors) expect(factor).toBeCloseTo(factors[0]!, 9);
  });
});

describe('smoothed', () => {
  it('leaves a constant as it is, and stays between the least and the largest loss', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 1, maxLength: 50 }),
        (losses) => {
          const points = smoothed(losses.map((loss, i) => ({ learningRate: i + 1, loss })));
          for (const { smoothedLoss } of points) {
            expect(smoothedLoss).toBeGreaterThanOrEqual(Math.min(...losses) - 1e-9);
            expect(smoothedLoss).toBeLessThanOrEqual(Math.max(...losses) + 1e-9);
          }
        },
      ),
    );
  });

  it('does not shift a fall to larger rates', () => {
    const points = smoothed(testOf(typical(-3, 10)));
    const middle = points.findIndex(({ smoothedLoss }) => smoothedLoss < 1.2);
    expect(decadesApart(points[middle]!.learningRate, 1e-3)).toBeLessThan(0.15);
  });
});

describe('hasDiverged', () => {
  it('says so when the running mean is over four times its least, not for one bad batch', () => {
    const calm = Array<number>(30).fill(1);
    expect(hasDiverged([...calm, 20])).toBe(false);
    expect(hasDiverged([...calm, 20, 20, 20])).toBe(true);
    expect(hasDiverged(Array.from({ length: 50 }, (_, i) => 50 - i))).toBe(false);
  });
});

describe('suggestLearningRate', () => {
  it.each([-4, -3, -2])('finds the steepest fall at 1e%i, where it is the more careful rule', (center) => {
    const suggestion = suggestLearningRate(smoothed(testOf(typical(center, center + 1.8))))!;
    expect(decadesApart(suggestion.steepest, 10 ** center)).toBeLessThan(0.3);
    expect(suggestion.learningRate).toBe(Math.min(suggestion.steepest, suggestion.minimum / 10));
    expect(suggestion.minimum).toBeGreaterThan(suggestion.steepest);
  });

  it('stays a decade below the minimum when the loss falls to the brink', () => {
    const suggestion = suggestLearningRate(smoothed(testOf(typical(-2, -1.5))))!;
    expect(suggestion.learningRate).toBeCloseTo(suggestion.minimum / 10, 12);
    expect(suggestion.reason).toContain('tenth');
  });

  it('stays near with noise, whatever the noise is', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -0.1, max: 0.1, noNaN: true }), { minLength: 100 }), (noise) => {
        const steps = testOf(typical(-3, -1)).map((step, i) => ({ ...step, loss: step.loss + noise[i]! }));
        const { learningRate } = suggestLearningRate(smoothed(steps))!;
        expect(decadesApart(learningRate, 1e-3)).toBeLessThan(1);
      }),
    );
  });

  it('suggests nothing when the loss only rises or hardly falls', () => {
    for (const lossAt of [(x: number) => 3 + x / 10, () => 2, (x: number) => 2 - 0.01 * x])
      expect(suggestLearningRate(smoothed(testOf(lossAt)))).toBeUndefined();
    expect(suggestLearningRate([])).toBeUndefined();
  });
});
