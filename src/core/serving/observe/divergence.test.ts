import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../base/random.js';
import { indexByChance, kolmogorovSmirnov, populationStabilityIndex } from './drift.js';

function sampleOf(bins: number) {
  return fc
    .array(fc.integer({ min: 0, max: 1000 }), { minLength: bins, maxLength: bins })
    .filter((counts) => counts.some((count) => count > 0))
    .map(ofCounts);
}
const pairs = fc.integer({ min: 1, max: 30 }).chain((bins) => fc.tuple(sampleOf(bins), sampleOf(bins)));

function ofCounts(counts: readonly number[]) {
  const count = counts.reduce((sum, value) => sum + value, 0);
  return { count, shares: counts.map((value) => value / count) };
}

describe('the population stability index', () => {
  it('is the sum by hand', () => {
    // 0.5 counted in each bin: 10.5, 30.5 of 41 and 20.5, 20.5 of 41.
    const by = (a: number, e: number) => (a - e) * Math.log(a / e);
    expect(populationStabilityIndex(ofCounts([10, 30]), ofCounts([20, 20]))).toBeCloseTo(
      by(20.5 / 41, 10.5 / 41) + by(20.5 / 41, 30.5 / 41),
      12,
    );
  });

  it('is 0 between equal samples, the same both ways, and finite where bins are empty', () => {
    fc.assert(
      fc.property(pairs, ([one, two]) => {
        expect(populationStabilityIndex(one, one)).toBe(0);
        const index = populationStabilityIndex(one, two);
        expect(index).toBeGreaterThanOrEqual(0);
        expect(Number.isFinite(index)).toBe(true);
        expect(populationStabilityIndex(two, one)).toBeCloseTo(index, 9);
      }),
      { seed: 7 },
    );
  });

  it('of samples of one distribution is what chance gives, on average', () => {
    const random = new Random(11, 'hash');
    const draw = (count: number) => {
      const counts = Array<number>(20).fill(0);
      for (let i = 0; i < count; i++) counts[Math.floor(20 * random.float())]! += 1;
      return ofCounts(counts);
    };
    let [index, chance] = [0, 0];
    for (let i = 0; i < 200; i++) {
      const [expected, actual] = [draw(2000), draw(1000)];
      index += populationStabilityIndex(expected, actual) / 200;
      chance += indexByChance(expected, actual) / 200;
    }
    // Chi-squared of 19 degrees has a deviation of a third of its mean; of 200 means, a fortieth of it.
    expect(index / chance).toBeGreaterThan(0.9);
    expect(index / chance).toBeLessThan(1.1);
  });
});

describe('the distance of Kolmogorov and Smirnov', () => {
  it('is the largest difference of the sums of the shares', () => {
    fc.assert(
      fc.property(pairs, ([one, two]) => {
        const sumTo = (shares: readonly number[], i: number) =>
          shares.slice(0, i + 1).reduce((sum, share) => sum + share, 0);
        const distances = one.shares.map((_, i) => Math.abs(sumTo(one.shares, i) - sumTo(two.shares, i)));
        expect(kolmogorovSmirnov(one, two)).toBeCloseTo(Math.max(...distances), 9);
      }),
      { seed: 8 },
    );
  });

  it('is 1 where nothing overlaps', () => {
    expect(kolmogorovSmirnov(ofCounts([5, 0, 0]), ofCounts([0, 0, 9]))).toBeCloseTo(1, 12);
  });
});
