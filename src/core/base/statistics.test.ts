import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mean, median, standardDeviation, wilsonInterval } from './statistics.js';

describe('wilsonInterval', () => {
  it.each([
    [0, 10, 0, 0.2775],
    [10, 10, 0.7225, 1],
    [5, 10, 0.2366, 0.7634],
    [81, 263, 0.2553, 0.3662],
  ])('of %i of %i is %d to %d', (right, count, low, high) => {
    // Newcombe 1998 gives four places.
    const interval = wilsonInterval(right, count);
    expect(interval[0]).toBeCloseTo(low, 4);
    expect(interval[1]).toBeCloseTo(high, 4);
  });

  it('ends at the shares whose test just does not reject what was seen', () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5000 }).chain((count) => fc.tuple(fc.nat(count), fc.constant(count))),
        ([right, count]) => {
          const [low, high] = wilsonInterval(right, count);
          const share = right / count;
          expect(low).toBeGreaterThanOrEqual(0);
          expect(high).toBeLessThanOrEqual(1);
          const reach = (end: number) => 1.959963984540054 * Math.sqrt((end * (1 - end)) / count);
          if (right > 0) expect(share - low).toBeCloseTo(reach(low), 9);
          if (right < count) expect(high - share).toBeCloseTo(reach(high), 9);
        },
      ),
    ));
});

describe('the mean, the median and the deviation', () => {
  it('are those of the textbook', () => {
    expect(mean([1, 2, 6])).toBe(3);
    expect(standardDeviation([2, 4, 4, 4, 5, 5, 7, 9])).toBeCloseTo(Math.sqrt(32 / 7), 12);
    expect(standardDeviation([1])).toBeUndefined();
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });
});
