import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SlidingHistogram } from './drift.js';

describe('SlidingHistogram', () => {
  it('counts the newest values, whole slices of them and what came since', () => {
    const given = fc.record({
      slices: fc.integer({ min: 2, max: 5 }),
      sliceSize: fc.integer({ min: 1, max: 6 }),
      values: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 80 }),
    });
    fc.assert(
      fc.property(given, ({ slices, sliceSize, values }) => {
        const histogram = new SlidingHistogram(4, slices, sliceSize);
        for (const value of values) histogram.add(value);
        // The slice that is being filled, which is never empty, and those before it.
        const begun = Math.ceil(values.length / sliceSize);
        const kept = values.slice(Math.max(0, begun - slices) * sliceSize);
        expect(histogram.count).toBe(kept.length);
        const sharesOf = [0, 1, 2, 3].map(
          (bin) => kept.filter((value) => value === bin).length / kept.length,
        );
        expect(histogram.shares).toEqual(sharesOf);
      }),
      { seed: 6 },
    );
  });
});
