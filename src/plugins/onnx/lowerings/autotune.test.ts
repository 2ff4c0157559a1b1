import { describe, expect, it } from 'vitest';
import { winner } from './autotune.js';

describe('winner', () => {
  it.each([
    [[10, 9.6], 0],
    [[10, 9.4], 1],
    [[10, 9.4, 8], 2],
    [[null, 30], 1],
    [[10, null], 0],
    [[null, null], 0],
  ])('of the times %j is at place %i', (times, place) => expect(winner(times)).toBe(place));
});
