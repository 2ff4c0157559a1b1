import { expect, it } from 'vitest';
import { spreadIndices } from './collections.js';

it('spreads indices evenly, each at most once, and never past the end', () => {
  expect(spreadIndices(10, 4)).toEqual([0, 2, 5, 7]);
  expect(spreadIndices(3, 4)).toEqual([0, 1, 2]);
  expect(spreadIndices(0, 4)).toEqual([]);
});
