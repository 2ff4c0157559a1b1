import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { holmAdjusted, mcnemarTest, pairedTest } from './paired-tests.js';

describe('the paired t-test', () => {
  it('finds what Student found in 1908: the hours of sleep that two drugs gave to ten patients', () => {
    const first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
    const second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
    const test = pairedTest(second.map((value, i) => value - first[i]!))!;
    // What R's documentation of t.test shows for its data set `sleep`: t = 4.0621, 9 degrees of freedom.
    expect(test.meanDifference).toBeCloseTo(1.58, 10);
    expect(test.pValue).toBeCloseTo(0.002833, 6);
    expect(test.interval[0]).toBeCloseTo(0.7001142, 6);
    expect(test.interval[1]).toBeCloseTo(2.4598858, 6);
  });

  it('has an interval that holds 0 exactly when p is above 5 %', () => {
    const differences = fc.array(fc.integer({ min: -50, max: 60 }), { minLength: 2, maxLength: 12 });
    fc.assert(
      fc.property(differences, (values) => {
        const test = pairedTest(values);
        if (!test || Math.abs(test.pValue - 0.05) < 1e-9) return;
        expect(test.interval[0] < 0 && test.interval[1] > 0).toBe(test.pValue > 0.05);
      }),
    );
  });

  it('says nothing of one difference, or of equal ones', () => {
    expect(pairedTest([0.1])).toBeUndefined();
    expect(pairedTest([0.25, 0.25, 0.25])).toBeUndefined();
  });

  it('is adjusted for several tests as Holm does', () => {
    // By hand: 0.01 x 4, 0.02 x 3, 0.03 x 2 (not below the one before), 0.2 x 1.
    const adjusted = holmAdjusted([0.03, 0.01, 0.2, 0.02]);
    [0.06, 0.04, 0.2, 0.06].forEach((value, i) => {
      expect(adjusted[i]).toBeCloseTo(value, 12);
    });
  });
});

/** C(n, k), exactly. */
function choose(n: number, k: number): bigint {
  let value = 1n;
  for (let i = 1; i <= k; i++) value = (value * BigInt(n - k + i)) / BigInt(i);
  return value;
}

/** Twice the lower tail of the binomial distribution at 1/2, summed term by term. */
function summed(fewer: number, discordant: number): number {
  let tail = 0n;
  for (let k = 0; k <= fewer; k++) tail += choose(discordant, k);
  return Math.min(1, Number((2n * tail * 10n ** 18n) / 2n ** BigInt(discordant)) / 1e18);
}

describe('mcnemarTest', () => {
  it.each([
    [0, 0, 1],
    [5, 5, 1],
    [0, 6, 2 / 64],
    // 2 (1 + 10) / 1024
    [1, 9, 22 / 1024],
    [9, 1, 22 / 1024],
    // 2 (1 + 5 + 10) / 32
    [2, 3, 1],
  ])('of %i and %i discordant samples is %d', (first, second, expected) => {
    expect(mcnemarTest(first, second)).toBeCloseTo(expected, 12);
  });

  it('is the sum of the binomial distribution', () =>
    fc.assert(
      fc.property(fc.nat(150), fc.nat(150), (first, second) => {
        // The sum is cut after 18 places.
        expect(mcnemarTest(first, second)).toBeCloseTo(summed(Math.min(first, second), first + second), 12);
      }),
    ));
});
