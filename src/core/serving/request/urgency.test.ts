import fc from 'fast-check';
import { expect, test } from 'vitest';
import { timerMs } from './urgency.js';

test('a timer fires after its deadline, late by a thirtieth of the time at most', () =>
  fc.assert(
    fc.property(fc.double({ min: -1000, max: 2 ** 31, noNaN: true }), (left) => {
      const length = timerMs(left);
      expect(length).toBeGreaterThan(left);
      expect(length).toBeGreaterThanOrEqual(0);
      expect(length).toBeLessThanOrEqual(Math.max(2, left * (1 + 1 / 30) + 2));
    }),
    { seed: 1, numRuns: 2000 },
  ));

test('timers of requests that begin one after the other have few lengths', () => {
  const lengths = Array.from({ length: 4000 }, (_, i) => timerMs(30_000 - i / 4));
  expect(new Set(lengths).size).toBeLessThanOrEqual(5);
});
