import { expect, it } from 'vitest';
import { rareClasses } from './scores.js';

it('the rare classes are the rarest quarter, rounded up, with all that are as rare', () => {
  expect(rareClasses([700, 20, 700, 30, 20, 500, 700, 700])).toEqual([1, 4]);
  expect(rareClasses([5, 4, 3, 2, 1])).toEqual([3, 4]);
  expect(rareClasses([9, 1, 1, 1])).toEqual([1, 2, 3]);
  expect(rareClasses([8, 8, 8])).toEqual([0, 1, 2]);
});
