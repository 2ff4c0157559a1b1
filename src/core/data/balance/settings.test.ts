import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTarget, targetsOf } from './settings.js';

const CLASSES = ['a', 'b', 'c', 'd'];
const COUNTS = [10, 40, 20, 31];

describe('targetsOf', () => {
  it.each([
    [25, [25, 25, 25, 25]],
    ['max', [40, 40, 40, 40]],
    ['mean', [25, 25, 25, 25]],
    // Half-way between 20 and 31, rounded up.
    ['median', [26, 26, 26, 26]],
    ['q0', [10, 10, 10, 10]],
    ['q100', [40, 40, 40, 40]],
    // Sorted 10 20 31 40: place 2.25 is 31 + 9 / 4.
    ['q75', [33, 33, 33, 33]],
    [{ b: 5, d: 90 }, [10, 5, 20, 90]],
  ])('%j', (target, expected) => {
    expect(targetsOf(target, COUNTS, CLASSES)).toEqual(expected);
  });

  it('takes a name for a class in every normalisation, and for nothing that JavaScript knows', () => {
    const classes = ['__proto__', 'constructor', 'toString', 'gru\u0308n'];
    const counts = [1, 2, 3, 4];
    expect(targetsOf(parseTarget('gr\u00FCn=9'), counts, classes)).toEqual([1, 2, 3, 9]);
    expect(targetsOf(parseTarget('constructor=9'), counts, classes)).toEqual([1, 9, 3, 4]);
    expect(targetsOf(parseTarget('__proto__=9,toString=8'), counts, classes)).toEqual([9, 2, 8, 4]);
    for (const twice of ['toString=1,toString=2', 'gr\u00FCn=1,gru\u0308n=2'])
      expect(() => parseTarget(twice)).toThrow(expect.objectContaining({ code: 'ROBLE_USAGE' }));
  });

  it('names a class that there is not, and the one that is meant', () => {
    expect(() => targetsOf({ Apple: 3 }, [1, 1], ['apple', 'pear'])).toThrow(
      expect.objectContaining({
        code: 'ROBLE_USAGE',
        details: expect.objectContaining({ received: 'Apple', nextSteps: ['Did you mean "apple"?'] }),
      }),
    );
  });

  it('a quantile lies between the smallest and the largest class, and grows with its share', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 0, max: 99 }),
        (counts, percent) => {
          const at = (share: number) => targetsOf(`q${share}`, counts, counts.map(String))[0]!;
          expect(at(percent)).toBeGreaterThanOrEqual(Math.min(...counts));
          expect(at(percent + 1)).toBeGreaterThanOrEqual(at(percent));
          expect(at(100)).toBe(Math.max(...counts));
        },
      ),
      { seed: 41 },
    );
  });
});

describe('parseTarget', () => {
  it.each([
    ['800', 800],
    ['q75', 'q75'],
    ['A=800,B=20', { A: 800, B: 20 }],
    ['U+002C=3,==4', { ',': 3, '=': 4 }],
  ])('reads %s', (text, target) => expect(parseTarget(text)).toEqual(target));

  it.each(['0', '-3', '1.5', 'q101', 'most', 'A=', 'A=0', ''])('refuses "%s"', (text) =>
    expect(() => parseTarget(text)).toThrow(expect.objectContaining({ code: 'ROBLE_USAGE' })),
  );
});
