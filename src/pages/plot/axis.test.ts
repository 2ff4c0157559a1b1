import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linearScale, logTicks, niceTicks, rangeOf, tickLabels } from './axis.js';

describe('the ticks of an axis', () => {
  it('are round numbers', () => {
    expect(niceTicks([0, 1], 6)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(niceTicks([0.613, 0.94], 5)).toEqual([0.7, 0.8, 0.9]);
    expect(niceTicks([1, 60], 8)).toEqual([10, 20, 30, 40, 50, 60]);
    expect(niceTicks([-0.3, 0.3], 4)).toEqual([-0.2, 0, 0.2]);
  });

  it('of an axis that counts are whole', () => {
    expect(niceTicks([1, 3], 8, 1)).toEqual([1, 2, 3]);
    expect(niceTicks([1, 3], 8)).toEqual([1, 1.5, 2, 2.5, 3]);
  });

  it('lie within the range, evenly, and are never more than asked for', () => {
    const range = fc.tuple(
      fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      fc.double({ min: 1e-3, max: 1e6, noNaN: true }),
    );
    fc.assert(
      fc.property(range, fc.integer({ min: 2, max: 12 }), ([low, span], most) => {
        const ticks = niceTicks([low, low + span], most);
        expect(ticks.length).toBeGreaterThan(0);
        expect(ticks.length).toBeLessThanOrEqual(most);
        for (const tick of ticks) {
          expect(tick).toBeGreaterThanOrEqual(low - span * 1e-6);
          expect(tick).toBeLessThanOrEqual(low + span * (1 + 1e-6));
        }
      }),
    );
  });

  it('are one where the range is a single value', () => expect(niceTicks([3, 3], 5)).toEqual([3]));

  it('of a logarithmic axis are powers of ten, finer where the range is small', () => {
    expect(logTicks([1e-5, 0.1])).toEqual([1e-5, 1e-4, 1e-3, 1e-2, 0.1]);
    expect(logTicks([0.02, 0.6])).toEqual([0.02, 0.05, 0.1, 0.2, 0.5]);
    expect(logTicks([0.3, 0.31])).toEqual([0.3]);
  });

  it('have labels of equal precision', () => {
    expect(tickLabels([0, 0.25, 0.5])).toEqual(['0.00', '0.25', '0.50']);
    expect(tickLabels([1000, 2000])).toEqual(['1,000', '2,000']);
    expect(tickLabels([0, 1e-5])).toEqual(['0', '1e-5']);
    expect(tickLabels([0.1, 0.1 + 0.2])).toEqual(['0.1', '0.3']);
  });
});

describe('a scale', () => {
  it('keeps the ends and the order of any range of finite numbers', () => {
    const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(fc.array(finite, { minLength: 3, maxLength: 3 }), (values) => {
        const range = rangeOf(values);
        const places = [...values].sort((a, b) => a - b).map(linearScale(range, 10, 110));
        for (const place of places) expect(place >= 10 && place <= 110).toBe(true);
        if (range[0] < range[1]) expect([places[0], places[2]]).toEqual([10, 110]);
        expect(places[1]).toBeLessThanOrEqual(places[2]!);
      }),
      { examples: [[[0, 0, Number.MIN_VALUE]], [[-Number.MAX_VALUE, 0, Number.MAX_VALUE]]] },
    );
  });

  it('puts a single value in the middle', () => expect(linearScale([3, 3], 0, 10)(3)).toBe(5));
});
