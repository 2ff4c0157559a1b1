import fc from 'fast-check';
import { expect, it } from 'vitest';
import { shareRows } from './view.js';

it('meets the first claims first', () => {
  const claims = [
    { panel: 'progress', rows: 1 },
    { panel: 'curves', rows: 4 },
    { panel: 'table', rows: 3, least: 2 },
  ] as const;
  expect(Object.fromEntries(shareRows(4, claims))).toEqual({ progress: 1, curves: 3 });
  expect(Object.fromEntries(shareRows(6, claims))).toEqual({ progress: 1, curves: 4 });
  expect(Object.fromEntries(shareRows(7, claims))).toEqual({ progress: 1, curves: 4, table: 2 });
});

it('counts a later claim of a panel in all', () => {
  const claims = [
    { panel: 'notes', rows: 1 },
    { panel: 'notes', rows: 4 },
  ] as const;
  expect(shareRows(9, claims).get('notes')).toBe(4);
});

it('never gives more than there is', () => {
  const claim = fc.record({
    panel: fc.constantFrom('a', 'b', 'c'),
    rows: fc.integer({ min: 0, max: 30 }),
    least: fc.integer({ min: 1, max: 10 }),
  });
  fc.assert(
    fc.property(fc.integer({ min: -2, max: 60 }), fc.array(claim), (rows, claims) => {
      const given = [...shareRows(rows, claims).values()];
      expect(given.every((share) => share > 0)).toBe(true);
      expect(given.reduce((sum, share) => sum + share, 0)).toBeLessThanOrEqual(Math.max(0, rows));
    }),
  );
});
