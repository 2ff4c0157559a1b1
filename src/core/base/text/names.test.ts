import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { distinctNames, isSameName, knownName, normalName, repeatedNames } from './names.js';

const name = fc.string({ unit: 'binary' });

describe('names', () => {
  it('have one form, however their characters are composed', () => {
    fc.assert(
      fc.property(name, (text) => {
        expect(normalName(text.normalize('NFD'))).toBe(normalName(text));
        expect(isSameName(text.normalize('NFD'), text)).toBe(true);
        expect(repeatedNames([text, text.normalize('NFD')])).toEqual([text.normalize('NFD')]);
        expect(distinctNames([text, text.normalize('NFD')])).toEqual([text]);
      }),
      { seed: 1 },
    );
  });

  it('are found as they are, else as the only one in another form', () => {
    const [composed, decomposed] = ['gr\u00FCn', 'gru\u0308n'];
    expect(knownName(composed, ['rot', decomposed])).toBe(decomposed);
    expect(knownName(decomposed, [composed, decomposed])).toBe(decomposed);
    expect(knownName('\u212B', ['\u00C5', 'A\u030A'])).toBeUndefined();
    expect(knownName('Gr\u00FCn', [composed])).toBeUndefined();
  });
});
