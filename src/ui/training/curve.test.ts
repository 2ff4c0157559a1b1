import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addPoint, type Curve, sampleCurve } from './state.js';

const curveOf = (length: number): Curve =>
  Array.from({ length }, (_, i) => [i + 1, 1 / (i + 1)] as const).reduce(addPoint, [] as Curve);

describe('a curve', () => {
  it('of steps that are too large to be exact is still sampled', () => {
    const curve: Curve = [
      [-11550196554203760, 0],
      [0, 1],
    ];
    expect(sampleCurve(curve, 1)).toEqual([0.5]);
  });

  it('keeps its first and last points and its order however long it gets', () => {
    const curve = curveOf(5000);
    expect(curve.length).toBeLessThanOrEqual(1000);
    expect(curve[0]).toEqual([1, 1]);
    expect(curve.at(-1)).toEqual([5000, 1 / 5000]);
    expect(curve.every(([step], i) => i === 0 || step > curve[i - 1]![0])).toBe(true);
  });

  it('replaces the points from a step on that is made again', () => {
    expect(addPoint(curveOf(3), [2, 9])).toEqual([
      [1, 1],
      [2, 9],
    ]);
  });

  it('is sampled to a width, within its range and in its order', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 900 }), fc.integer({ min: -5, max: 200 }), (length, width) => {
        const values = sampleCurve(curveOf(length), width);
        expect(values.length).toBeLessThanOrEqual(Math.max(0, width));
        // The curve falls, so the means over its parts do.
        expect(values).toEqual([...values].sort((a, b) => b - a));
        for (const value of values) expect(value > 0 && value <= 1).toBe(true);
      }),
    );
  });

  it('has the mean of each part', () => {
    const curve: Curve = [1, 2, 3, 4].map((step) => [step, step] as const);
    expect(sampleCurve(curve, 2)).toEqual([1.5, 3.5]);
    expect(sampleCurve([...curve, [5, Number.NaN]], 4)).toEqual([1, 2, 3, 4]);
  });
});
