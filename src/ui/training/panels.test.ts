import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fitWords } from './panels.js';

const WORDS = [
  { text: 'epoch 3/10', rank: 1 },
  { text: '34%', rank: 0 },
  { text: 'ETA 2m 05s', rank: 2, glue: ' - ' },
];

it.each([
  [30, 'epoch 3/10, 34% - ETA 2m 05s'],
  [27, 'epoch 3/10, 34%'],
  [14, '34%'],
  [1, '34%'],
])('keeps what matters most in %i columns', (width, line) => {
  expect(fitWords(WORDS, width)).toBe(line);
});

it('is no longer than it may be, unless one word is', () => {
  const word = fc.record({ text: fc.string({ minLength: 1, maxLength: 12 }), rank: fc.nat(5) });
  fc.assert(
    fc.property(fc.array(word), fc.nat(60), (words, width) => {
      const line = fitWords(words, width);
      expect(line.length <= width || words.some(({ text }) => text === line)).toBe(true);
    }),
  );
});
