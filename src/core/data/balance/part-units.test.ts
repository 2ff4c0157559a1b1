import { expect, it } from 'vitest';
import { partUnits } from './plan.js';

const planOf = (train: number, validation: number) => {
  const split = (count: number) => ({
    samples: new Int32Array(count),
    copies: new Int32Array(count),
    perClass: [],
  });
  return { splits: { train: split(train), validation: split(validation) } };
};

it.each([
  ['of 4096 samples', 144, 9000, [4096, 4096, 808]],
  ['of 32 MiB where pictures are large', 2 ** 17, 600, [256, 256, 88]],
  ['of 64 samples where pictures are huge', 2 ** 22, 100, [64, 36]],
])('a split is made in parts %s, one after the other', (_, imageSize, count, parts) => {
  const units = partUnits(planOf(count, 10), imageSize);
  expect(units.map(({ split, index }) => `${split} ${index}`)).toEqual([
    ...parts.map((_, index) => `train ${index}`),
    'validation 0',
  ]);
  expect(units.map((unit) => unit.count)).toEqual([...parts, 10]);
  expect(units.map(({ start }) => start)).toEqual([
    ...parts.map((_, i) => parts.slice(0, i).reduce((sum, size) => sum + size, 0)),
    0,
  ]);
});
