import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RobleError } from '../../base/errors.js';
import type { SplitItem } from './cover-classes.js';
import { assignSplits, countPerClass, largestRemainder, type SplitRatios } from './splits.js';

const CLASSES = ['a', 'b', 'c'];
const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof RobleError) return error.code;
    throw error;
  }
  return 'none';
};

const single = fc.record({ label: fc.nat(2) });
const grouped = fc.record({ label: fc.nat(2), group: fc.integer({ min: 0, max: 12 }).map((n) => `g${n}`) });
const named = (items: { label: number; group?: string }[]): SplitItem[] =>
  items.map((item, i) => ({ ...item, source: `#${i}` }));

/** Tries every division of whole units; -1 is what was given to the validation split. */
function isDivisible(
  items: readonly SplitItem[],
  units: number,
  places: readonly number[],
  splits: number,
): boolean {
  for (let code = 0; code < splits ** units; code++) {
    const covered = new Set(
      items.map(({ label }, i) => {
        const unit = places[i]!;
        return 3 * (unit < 0 ? 1 : Math.floor(code / splits ** unit) % splits) + label;
      }),
    );
    if (covered.size === 3 * splits) return true;
  }
  return false;
}

describe('assignSplits', () => {
  it('keeps every class within one sample of its share, and is deterministic', () => {
    fc.assert(
      fc.property(fc.array(single, { minLength: 30, maxLength: 300 }), fc.nat(1e6), (drawn, seed) => {
        const items = named(drawn);
        const ratios = { train: 0.7, validation: 0.2, test: 0.1 };
        const sizes = CLASSES.map((_, label) => items.filter((item) => item.label === label).length);
        fc.pre(Math.min(...sizes) >= 10);
        const assigned = assignSplits(items, CLASSES, { ratios, seed });
        expect(assignSplits(items, CLASSES, { ratios, seed })).toEqual(assigned);
        const counts = countPerClass(items, assigned, 3);
        for (const [split, ratio] of [0.7, 0.2, 0.1].entries())
          for (const [label, size] of sizes.entries())
            expect(Math.abs(counts[split]![label]! - ratio * size)).toBeLessThan(1);
      }),
    );
  });

  it('never has a group on two sides, and leaves no class out, or says so', () => {
    fc.assert(
      fc.property(fc.array(grouped, { minLength: 20, maxLength: 200 }), fc.nat(1e6), (drawn, seed) => {
        const items = named(drawn);
        let assigned: Uint8Array;
        try {
          assigned = assignSplits(items, CLASSES, { ratios: { train: 0.8, validation: 0.2 }, seed });
        } catch (error) {
          expect((error as RobleError).code).toMatch(/^ROBLE_(DATASET_SPLIT|CLASS_TOO_SMALL)$/);
          expect((error as RobleError).details.problems?.length).toBeGreaterThan(0);
          return;
        }
        const homes = new Map<string, number>();
        for (const [i, { group }] of items.entries()) {
          expect(homes.get(group!) ?? assigned[i]).toBe(assigned[i]);
          homes.set(group!, assigned[i]!);
        }
        const counts = countPerClass(items, assigned, 3);
        for (const split of [0, 1]) expect(Math.min(...counts[split]!)).toBeGreaterThan(0);
      }),
    );
  });

  it('refuses a class with one sample, and names each', () => {
    const items = named([0, 0, 0, 1, 2].map((label) => ({ label })));
    const error = (() => {
      try {
        assignSplits(items, CLASSES, { seed: 0 });
      } catch (thrown) {
        return thrown as RobleError;
      }
      throw new Error('expected an error');
    })();
    expect(error.code).toBe('ROBLE_CLASS_TOO_SMALL');
    expect(error.details.problems?.map(({ path }) => path)).toEqual(['b', 'c']);
    expect(error.details.problems?.[0]?.suggestion).toContain('--classes');
  });

  it('refuses a division that leaves a class out because one group holds it', () => {
    const items = named([
      ...Array.from({ length: 10 }, (_, i) => ({ label: i % 2, group: `w${i % 5}` })),
      ...Array.from({ length: 4 }, () => ({ label: 2, group: 'alone' })),
    ]);
    expect(codeOf(() => assignSplits(items, CLASSES, { seed: 0 }))).toBe('ROBLE_DATASET_SPLIT');
  });

  it('finds a division with every class in every split whenever there is one', () => {
    const unit = fc.record({
      labels: fc.array(fc.nat(2), { minLength: 1, maxLength: 6 }),
      // Some samples have no group, and some of these were given to the validation split.
      kind: fc.constantFrom('group', 'group', 'group', 'single', 'given'),
    });
    const ratios = fc.constantFrom<SplitRatios>(
      { train: 0.8, validation: 0.2 },
      { train: 0.6, validation: 0.2, test: 0.2 },
    );
    fc.assert(
      fc.property(
        fc.array(unit, { minLength: 2, maxLength: 7 }),
        ratios,
        fc.nat(99),
        (units, shares, seed) => {
          const items = named([]);
          const places: number[] = [];
          for (const [u, { labels, kind }] of units.entries())
            for (const [i, label] of (kind === 'group' ? labels : labels.slice(0, 1)).entries()) {
              const source = `${u}#${i}`;
              if (kind === 'group') items.push({ label, source, group: `g${u}` });
              else items.push({ label, source, ...(kind === 'given' && { split: 'validation' as const }) });
              places.push(kind === 'given' ? -1 : u);
            }
          const code = codeOf(() => assignSplits(items, CLASSES, { mode: 'ratio', ratios: shares, seed }));
          // What is given as validation alone is divided as a whole.
          fc.pre(code !== 'ROBLE_CLASS_TOO_SMALL' && units.some(({ kind }) => kind !== 'given'));
          expect(code).toBe(
            isDivisible(items, units.length, places, Object.keys(shares).length)
              ? 'none'
              : 'ROBLE_DATASET_SPLIT',
          );
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('does not put all groups of a class on one side because their sizes say so', () => {
    // By size, x is to train, y to train and z to validation, which then has nothing of class 0.
    const items = named([
      ...Array.from({ length: 10 }, () => ({ label: 0, group: 'x' })),
      ...Array.from({ length: 10 }, () => ({ label: 0, group: 'y' })),
      ...Array.from({ length: 2 }, () => ({ label: 1, group: 'y' })),
      ...Array.from({ length: 2 }, () => ({ label: 1, group: 'z' })),
    ]);
    const counts = countPerClass(items, assignSplits(items, ['a', 'b'], { seed: 0 }), 2);
    for (const split of [0, 1]) expect(Math.min(...counts[split]!)).toBeGreaterThan(0);
  });

  it('keeps given splits, and refuses a group on both sides of them', () => {
    const items: SplitItem[] = [
      { label: 0, source: 'a', group: 'w', split: 'train' },
      { label: 0, source: 'b', group: 'v', split: 'validation' },
    ];
    expect([...assignSplits(items, ['a'], { seed: 0 })]).toEqual([0, 1]);
    const shared = items.map((item) => ({ ...item, group: 'w' }));
    expect(codeOf(() => assignSplits(shared, ['a'], { seed: 0 }))).toBe('ROBLE_DATASET_SPLIT');
  });

  it('refuses shares without train', () => {
    expect(codeOf(() => assignSplits(named([{ label: 0 }]), ['a'], { ratios: { test: 1 }, seed: 0 }))).toBe(
      'ROBLE_USAGE',
    );
  });
});

describe('largestRemainder', () => {
  it('adds up to the count', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.double({ min: 0.05, max: 0.95, noNaN: true }), (count, ratio) => {
        expect(largestRemainder(count, [ratio, 1 - ratio, 0]).reduce((a, b) => a + b, 0)).toBe(count);
      }),
    );
  });
});
