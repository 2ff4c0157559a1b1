import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Random } from '../../base/random.js';
import { associationOf } from './group-comparison.js';

it('is 1 where one property tells the other, and 0 where the counts are in proportion', () => {
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
