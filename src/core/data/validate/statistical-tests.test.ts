import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../base/random.js';
import { associationOf, differenceOf, separation } from './statistical-tests.js';

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

describe('the association of two properties', () => {
  it('is 1 if one property determines the other, and 0 if the counts are in proportion', () => {
    const classes = (counts: readonly number[]) => [
      [...counts, 0, 0],
      [0, 0, ...counts],
    ];
    expect(
      associationOf([
        [50, 0],
        [0, 50],
      ]).v,
    ).toBeCloseTo(1, 10);
    expect(associationOf(classes([50, 50])).v).toBeGreaterThan(0.99);
    expect(
      associationOf([
        [30, 60],
        [10, 20],
      ]).v,
    ).toBe(0);
    expect(
      associationOf([
        [5, 5],
        [0, 0],
      ]),
    ).toEqual({ v: 0, z: 0 });
  });

  it('is what the formulas of the paper give by hand for a table of two by two', () => {
    // Each count is 10 from the 20 that are expected: chi-squared is 4 x 10² / 20 = 20.
    const { v } = associationOf([
      [30, 10],
      [10, 30],
    ]);
    const side = 2 - 1 / 79;
    expect(v).toBeCloseTo(Math.sqrt((20 / 80 - 1 / 79) / (side - 1)), 12);
  });

  it('is near 0 for independent properties whatever the number of classes and samples', () => {
    const seeds = Array.from({ length: 200 }, (_, seed) => seed);
    const values = seeds.map((seed) => {
      const random = new Random(seed, 'balance');
      const table = [0, 1, 2].map(() => new Array<number>(40).fill(0));
      for (let i = 0; i < 400; i++) table[random.integer(3)]![random.integer(40)]! += 1;
      return associationOf(table);
    });
    // Without the correction V would be about sqrt(78 / 400 / 2) = 0.31 here.
    expect(values.reduce((sum, { v }) => sum + v, 0) / values.length).toBeLessThan(0.06);
    // z is close to a standard normal deviate.
    const scores = values.map(({ z }) => z);
    expect(Math.abs(scores.reduce((sum, z) => sum + z, 0) / scores.length)).toBeLessThan(0.25);
    expect(scores.filter((z) => z > 3.1).length).toBeLessThanOrEqual(2);
  });

  it('does not depend on the order of rows and columns, nor on which are which', () => {
    const counts = fc.array(fc.array(fc.nat(30), { minLength: 4, maxLength: 4 }), {
      minLength: 3,
      maxLength: 3,
    });
    fc.assert(
      fc.property(counts, (table) => {
        const transposed = table[0]!.map((_, j) => table.map((row) => row[j]!));
        const { v } = associationOf(table);
        expect(v).toBeGreaterThanOrEqual(0);
        expect(v).toBeLessThanOrEqual(1);
        expect(associationOf(transposed).v).toBeCloseTo(v, 10);
        expect(associationOf([...table].reverse()).v).toBeCloseTo(v, 10);
      }),
    );
  });
});
