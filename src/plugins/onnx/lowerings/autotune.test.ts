import { describe, expect, it } from 'vitest';
import { fastestIndex } from './autotune.js';

describe('fastestIndex', () => {
  it.each([
    [[10, 9.6], 0],
    [[10, 9.4], 1],
    [[10, 9.4, 8], 2],
    [[null, 30], 1],
    [[10, null], 0],
    [[null, null], 0],
  ])('of the times %j has index %i', (times, index) => expect(fastestIndex(times)).toBe(index));
});
