import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../base/random.js';
import { differenceOf, separation } from './group-comparison.js';

const sorted = (values: readonly number[]) => Float32Array.from(values).sort();
const values = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 0, maxLength: 15 });
const classes = fc.array(fc.tuple(values, values), { minLength: 1, maxLength: 4 });
const valuesOf = (pairs: readonly (readonly [number[], number[]])[]) => ({
  first: pairs.map(([a]) => sorted(a)),
  second: pairs.map(([, b]) => sorted(b)),
});

describe('separation', () => {
  it('is the share of pairs of one class in which the first is larger, as counted one by one', () => {
    fc.assert(
      fc.property(classes, (pairs) => {
        let [wins, total] = [0, 0];
        for (const [a, b] of pairs)
          for (const x of a)
            for (const y of b) {
              wins += x > y ? 1 : x === y ? 0.5 : 0;
              total += 1;
            }
        const share = separation(valuesOf(pairs));
        if (total === 0) expect(share).toBeUndefined();
        else expect(share).toBeCloseTo(wins / total, 10);
      }),
    );
  });
});

describe('the difference of two distributions', () => {
  it('has the distance of the weighted functions, as summed at every value', () => {
    fc.assert(
      fc.property(classes, (pairs) => {
        const shared = pairs.filter(([a, b]) => a.length > 0 && b.length > 0);
        const difference = differenceOf(valuesOf(pairs));
        expect(difference === undefined).toBe(shared.length === 0);
        if (!difference) return;
        const total = shared.reduce((sum, [, b]) => sum + b.length, 0);
        const below = (list: number[], at: number) =>
          list.filter((value) => value <= at).length / list.length;
        const gaps = Array.from({ length: 21 }, (_, at) =>
          shared.reduce((sum, [a, b]) => sum + ((below(a, at) - below(b, at)) * b.length) / total, 0),
        );
        expect(difference.distance).toBeCloseTo(Math.max(...gaps.map(Math.abs)), 9);
      }),
    );
  });

  it('knows a mix of classes from a difference within them', () => {
    const { first, second } = valuesOf([
      [Array(80).fill(1), Array(20).fill(1)],
      [Array(20).fill(9), Array(80).fill(9)],
    ]);
    expect(differenceOf({ first, second })!.distance).toBeCloseTo(0, 10);
  });

  it('has p values as Smirnov tabled them', () => {
    // N. Smirnov 1948: a distance of 1.358 / sqrt(n m / (n + m)) is reached with a chance of 5 %, of 1.628 with 1 %.
    for (const [lambda, chance] of [
      [1.358, 0.05],
      [1.628, 0.01],
    ] as const) {
      const n = 20_000;
      const distance = lambda / Math.sqrt(n / 2);
      const ramp = (shift: number) => [Float32Array.from({ length: n }, (_, i) => i / n + shift)];
      const { pValue } = differenceOf({ first: ramp(0), second: ramp(distance) })!;
      expect(pValue).toBeGreaterThan(chance * 0.9);
      expect(pValue).toBeLessThan(chance * 1.1);
    }
  });

  it('is found by chance about as often as p says', () => {
    const draws = Array.from({ length: 400 }, (_, seed) => {
      const random = new Random(seed, 'balance');
      const draw = (count: number) => sorted(Array.from({ length: count }, () => random.float()));
      return differenceOf({ first: [draw(40), draw(10)], second: [draw(20), draw(30)] })!.pValue;
    });
    const share = draws.filter((p) => p < 0.1).length / draws.length;
    expect(share).toBeGreaterThan(0.04);
    expect(share).toBeLessThan(0.16);
  });
});
