import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packed } from '../../../../test/support/pictures.js';
import { sha256 } from '../../base/storage/durable.js';
import { partUnits, planBalance } from './plan.js';
import { balanceSchema } from './settings.js';
import type { Pool, Source, Sources } from './sources.js';

/** Samples of `counts[source][class]`, whose pixels do not matter here. */
function poolOf(counts: readonly (readonly number[])[], nameOf = (label: number) => `class ${label}`) {
  const labels: number[] = [];
  const names: string[] = [];
  const blocks = counts.map((perClass, source) => {
    const start = labels.length;
    for (const [label, count] of perClass.entries())
      for (let i = 0; i < count; i++) {
        labels.push(label);
        names.push(`${source} ${nameOf(label)} ${i}`);
      }
    const count = labels.length - start;
    return { source, split: 'train' as const, start, count, pictures: packed(new Uint8Array(count), 1) };
  });
  const hashes = Buffer.concat(names.map((name) => Buffer.from(sha256(name), 'hex')));
  const pool: Pool = {
    width: 1,
    height: 1,
    channels: 1,
    blocks,
    labels: Uint16Array.from(labels),
    hashes,
    provenance: names.map((source) => ({ source })),
  };
  return { pool, names };
}

function sourcesOf(count: number, classes: number, weights: (number | undefined)[] = []): Sources {
  const sources = Array.from(
    { length: count },
    (_, i) => ({ name: `${i}`, weight: weights[i], isSynthetic: i === 1 }) as Source,
  );
  return {
    sources,
    classes: Array.from({ length: classes }, (_, i) => `class ${i}`),
    preprocessing: {} as Sources['preprocessing'],
  };
}

function planOf(counts: readonly (readonly number[])[], settings = {}, weights: (number | undefined)[] = []) {
  const { pool, names } = poolOf(counts);
  const usable = Array.from(pool.labels, (_, i) => i);
  const sources = sourcesOf(counts.length, counts[0]!.length, weights);
  const plan = planBalance(pool, sources, usable, balanceSchema.parse(settings));
  const { samples, copies } = plan.splits.train!;
  const rows = Array.from(samples, (sample, i) => ({
    name: names[sample]!,
    label: pool.labels[sample]!,
    source: pool.blocks.findIndex(({ start, count }) => sample < start + count),
    copy: copies[i]!,
  }));
  return { plan, rows };
}

const counts = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 5 });

describe('planBalance', () => {
  it('gives every class its target: originals first, each at most once, then as many copies of each as of any other', () => {
    fc.assert(
      fc.property(counts, fc.integer({ min: 1, max: 60 }), fc.nat(), (perClass, target, seed) => {
        const { plan, rows } = planOf([perClass], { target, seed });
        expect(plan.splits.train!.perClass).toEqual(perClass.map(() => target));
        for (const [label, count] of perClass.entries()) {
          const own = rows.filter((row) => row.label === label);
          expect(own).toHaveLength(target);
          const kept = own.filter(({ copy }) => copy === 0).map(({ name }) => name);
          expect(new Set(kept).size).toBe(Math.min(count, target));
          expect(kept).toHaveLength(Math.min(count, target));
          const times = kept.map((name) => own.filter((row) => row.name === name).length);
          expect(Math.max(...times) - Math.min(...times)).toBeLessThanOrEqual(1);
          const made = own.map(({ name, copy }) => `${name} ${copy}`);
          expect(new Set(made).size).toBe(target);
        }
      }),
      { seed: 42 },
    );
  });

  it('changes nothing of a class when another class, or another target of it, comes in', () => {
    const rowsOf = (perClass: number[], target: object | number) =>
      planOf([perClass], { target, seed: 9 })
        .rows.filter(({ label }) => label === 0)
        .map(({ name, copy }) => `${name} ${copy}`);
    const alone = rowsOf([7], 20);
    expect(rowsOf([7, 30], { 'class 0': 20 })).toEqual(alone);
    expect(rowsOf([7, 5, 9], 20)).toEqual(alone);
    // A larger target only adds.
    expect(rowsOf([7], 26).slice(0, 20)).toEqual(alone);
  });

  it('takes another choice with another seed', () => {
    const kept = (seed: number) => planOf([[30]], { target: 10, seed }).rows.map(({ name }) => name);
    expect(kept(1)).not.toEqual(kept(2));
  });

  it('divides a class among weighted sources by their weights, within one sample', () => {
    fc.assert(
      fc.property(
        counts,
        fc.integer({ min: 2, max: 50 }),
        fc.integer({ min: 1, max: 9 }),
        (perClass, target, weight) => {
          const { rows } = planOf([perClass, perClass], { target }, [weight, 10 - weight]);
          for (const label of perClass.keys()) {
            const share = rows.filter((row) => row.label === label && row.source === 0).length;
            expect(Math.abs(share - (target * weight) / 10)).toBeLessThanOrEqual(1);
          }
        },
      ),
      { seed: 43 },
    );
  });

  it('gives the share of a source without samples of a class to the others', () => {
    const { plan, rows } = planOf(
      [
        [4, 0],
        [4, 6],
      ],
      { target: 10 },
      [7, 3],
    );
    expect(rows.filter(({ label, source }) => label === 1 && source === 1)).toHaveLength(10);
    expect(plan.classes[0]).toMatchObject({ kept: 4, synthetic: 3, augmented: 3, total: 10 });
    expect(plan.classes[1]).toMatchObject({ kept: 0, synthetic: 6, augmented: 4, mostCopies: 1 });
  });

  it('keeps what is above a target when asked to', () => {
    const { plan } = planOf([[12, 3]], { target: 5, above: 'keep' });
    expect(plan.splits.train!.perClass).toEqual([12, 5]);
  });

  it('leaves what is below a target as it is when asked to, and only trims', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.nat(30)), { minLength: 2, maxLength: 6 }),
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom<number[][]>([], [7, 3]),
        (classes, target, weights) => {
          const counts = [classes.map(([a]) => a), classes.map(([, b]) => b)];
          const settings = { target, below: 'keep', maxCopies: 1 };
          const { plan, rows } = planOf(counts, settings, weights);
          expect(rows.every(({ copy }) => copy === 0)).toBe(true);
          expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
          expect(plan.classes.map(({ total }) => total)).toEqual(
            classes.map(([a, b]) => Math.min(a + b, target)),
          );
        },
      ),
      { seed: 44 },
    );
  });

  it('fills a source that has too little up from the others when there are no copies', () => {
    const { plan } = planOf(
      [
        [20, 4],
        [20, 20],
      ],
      { target: 10, below: 'keep' },
      [7, 3],
    );
    expect(plan.classes.map(({ kept, synthetic }) => [kept, synthetic])).toEqual([
      [7, 3],
      [4, 6],
    ]);
  });

  it('refuses what the allowed copies cannot reach, all classes at once, or stays below', () => {
    const settings = { target: 50, maxCopies: 3 };
    expect(() => planOf([[5, 20, 12]], settings)).toThrow(
      expect.objectContaining({
        code: 'ROBLE_BALANCE_IMPOSSIBLE',
        details: expect.objectContaining({
          problems: [
            { path: 'class 0', message: 'class "class 0" reaches 20 of 50 with 5 originals' },
            { path: 'class 2', message: 'class "class 2" reaches 48 of 50 with 12 originals' },
          ],
        }),
      }),
    );
    const { plan } = planOf([[5, 20, 12]], { ...settings, allowMissing: true });
    expect(plan.classes.map(({ total, mostCopies }) => [total, mostCopies])).toEqual([
      [20, 3],
      [50, 2],
      [48, 3],
    ]);
  });

  it('refuses a class without a sample', () => {
    expect(() => planOf([[3, 0]], { target: 2 })).toThrow(
      expect.objectContaining({ code: 'ROBLE_CLASS_TOO_SMALL' }),
    );
  });
});

const splitsOf = (train: number, validation: number) => {
  const split = (count: number) => ({
    samples: new Int32Array(count),
    copies: new Int32Array(count),
    perClass: [],
  });
  return { splits: { train: split(train), validation: split(validation) } };
};

it.each([
  ['of 4096 samples', 144, 9000, [4096, 4096, 808]],
  ['of 32 MiB where pictures are large', 2 ** 17, 600, [256, 256, 88]],
  ['of 64 samples where pictures are huge', 2 ** 22, 100, [64, 36]],
])('a split is made in parts %s, one after the other', (_, imageSize, count, parts) => {
  const units = partUnits(splitsOf(count, 10), imageSize);
  expect(units.map(({ split, index }) => `${split} ${index}`)).toEqual([
    ...parts.map((_, index) => `train ${index}`),
    'validation 0',
  ]);
  expect(units.map((unit) => unit.count)).toEqual([...parts, 10]);
  expect(units.map(({ start }) => start)).toEqual([
    ...parts.map((_, i) => parts.slice(0, i).reduce((sum, size) => sum + size, 0)),
    0,
  ]);
});
