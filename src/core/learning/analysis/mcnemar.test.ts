import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mcnemarTest } from './paired-tests.js';

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
