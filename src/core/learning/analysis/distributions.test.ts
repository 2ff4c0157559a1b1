import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { incompleteBeta, studentQuantile, studentTwoSided } from './distributions.js';

describe("Student's t", () => {
  it('has the percentage points of the tables', () => {
    // Abramowitz and Stegun 1964, table 26.10: degrees of freedom, and t for 95 % and 99 % between -t and t.
    const table = [
      [1, 12.706, 63.657],
      [2, 4.303, 9.925],
      [4, 2.776, 4.604],
      [10, 2.228, 3.169],
      [30, 2.042, 2.75],
      [120, 1.98, 2.617],
    ] as const;
    for (const [degrees, five, one] of table) {
      expect(studentQuantile(0.05, degrees)).toBeCloseTo(five, 3);
      expect(studentQuantile(0.01, degrees)).toBeCloseTo(one, 3);
    }
  });

  it('has the closed forms for one and two degrees of freedom', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1000, noNaN: true }), (t) => {
        const cauchy = 1 - (2 / Math.PI) * Math.atan(t);
        // A t below 1e-8 is lost in 1 + t², whose root is the precision near p = 1; elsewhere it is far better.
        const digits = t < 0.01 ? 7 : 12;
        expect(studentTwoSided(t, 1)).toBeCloseTo(cauchy, digits);
        expect(studentTwoSided(t, 2)).toBeCloseTo(1 - t / Math.sqrt(2 + t * t), digits);
      }),
    );
  });

  it('comes from a beta function that has the binomial sum as its closed form', () => {
    // DLMF 8.17.5: for whole a and b, I_x(a, b) is the upper tail of a binomial distribution of a + b - 1 trials.
    const whole = fc.integer({ min: 1, max: 12 });
    fc.assert(
      fc.property(whole, whole, fc.double({ min: 0, max: 1, noNaN: true }), (a, b, x) => {
        const trials = a + b - 1;
        let [tail, ways] = [0, 1];
        for (let j = 0; j <= trials; j++) {
          if (j >= a) tail += ways * x ** j * (1 - x) ** (trials - j);
          ways = (ways * (trials - j)) / (j + 1);
        }
        expect(incompleteBeta(x, a, b)).toBeCloseTo(tail, 11);
      }),
    );
  });
});
