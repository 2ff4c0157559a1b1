import fc from 'fast-check';
import { expect, it } from 'vitest';
import { shownValue } from './text.js';

it('shows a value as the beginning of its JSON', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 3 }), fc.integer({ min: 10, max: 200 }), (value, length) => {
      const json = JSON.stringify(value);
      const shown = shownValue(value, length);
      if (json.length <= length) expect(shown).toBe(json);
      else expect(shown).toBe(`${json.slice(0, length - 3)}...`);
    }),
  );
  expect(shownValue(undefined)).toBe('nothing');
});

it('shows no more than that of what is as deep as a stack, or a flood', () => {
  const deep = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000));
  expect(shownValue(deep)).toBe('[[[[[...]]]]]');
  expect(shownValue({ many: new Array(5_000_000).fill(1) })).toBe(`{"many":[${'1,'.repeat(24)}...`);
  expect(shownValue('x'.repeat(5_000_000))).toBe(`"${'x'.repeat(56)}...`);
});
