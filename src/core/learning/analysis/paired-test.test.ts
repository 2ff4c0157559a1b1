import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { median, standardDeviation } from '../../base/statistics.js';
import { holmAdjusted, pairedTest } from './paired-tests.js';

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

describe('summaries', () => {
  it('are those of the textbook', () => {
    expect(standardDeviation([2, 4, 4, 4, 5, 5, 7, 9])).toBeCloseTo(Math.sqrt(32 / 7), 12);
    expect(standardDeviation([1])).toBeUndefined();
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });
});
