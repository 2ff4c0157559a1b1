import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { knownAugmenters } from '../../../../test/support/augmenters.js';
import type { Augmenter } from '../../plugin/contracts.js';
import { PluginRegistry } from '../../plugin/registry.js';
import { type CopyKey, loadPipeline, type PipelineOptions } from './pipeline.js';
import type { AugmentStep } from './settings.js';
import { createAugmenter } from './steps.js';

const registry = new PluginRegistry(knownAugmenters);
const step = (augmenter: string, probability = 1, parameters = {}): AugmentStep => ({
  augmenter,
  probability,
  parameters,
});
const load = (steps: AugmentStep[], options: PipelineOptions = {}) => loadPipeline(registry, steps, options);
const picture = (value: number, width = 3) => ({
  width,
  height: 2,
  channels: 1,
  data: new Uint8Array(2 * width).fill(value),
});
const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const anyKey: fc.Arbitrary<CopyKey> = fc.record({ seed: uint32, sample: uint32, copy: uint32 });
const KEY = { seed: 1, sample: 2, copy: 3 };

describe('AugmentPipeline', () => {
  it('has instances of its own of augmenters that work in memory, one for each step', async () => {
    const [one, other] = [await load([step('count')]), await load([step('count'), step('count')])];
    const counts = (pipeline: typeof one) =>
      pipeline.apply(picture(10), KEY, 'a').operations.map(({ values }) => values.count);
    expect(counts(one)).toEqual([1]);
    expect(counts(one)).toEqual([2]);
    expect(counts(other)).toEqual([1, 1]);
  });

  it('gives the same bytes and values for the same key, whatever was made before', async () => {
    const steps = [step('add', 0.7), step('add', 0.7)];
    const [one, other] = [await load(steps), await load(steps)];
    fc.assert(
      fc.property(anyKey, anyKey, (key, before) => {
        const { data, operations } = one.apply(picture(10), key, 'a');
        const bytes = data.slice();
        other.apply(picture(99, 5), before, 'b');
        const again = other.apply(picture(10), key, 'a');
        expect(again.operations).toEqual(operations);
        expect(again.data).toEqual(bytes);
      }),
      { seed: 30 },
    );
  });

  it('gives other values for another seed, sample and copy', async () => {
    const pipeline = await load([step('swap')]);
    const drawn = (key: CopyKey) =>
      pipeline.apply(picture(1), key, 'a', picture(2)).operations[0]!.values.drawn;
    const keys = [KEY, { ...KEY, seed: 9 }, { ...KEY, sample: 9 }, { ...KEY, copy: 9 }];
    expect(new Set(keys.map(drawn)).size).toBe(4);
  });

  it('applies the steps one after the other and tells their names, versions and values', async () => {
    const pipeline = await load([step('add'), step('add')]);
    const { data, operations } = pipeline.apply(picture(10), KEY, 'a');
    expect(operations.map(({ name, version }) => [name, version])).toEqual([
      ['add', 3],
      ['add', 3],
    ]);
    const [first, second] = operations.map(({ values }) => values.amount!) as [number, number];
    expect(first).not.toBe(second);
    expect([...data]).toEqual(new Array(6).fill(10 + first + second));
  });

  it('never applies a step of probability 0, always one of 1, and others about as often as it says', async () => {
    const pipeline = await load([step('add', 0), step('swap', 1), step('add', 0.3)]);
    const names = Array.from({ length: 2000 }, (_, copy) =>
      pipeline.apply(picture(1), { ...KEY, copy }, 'a', picture(2)).operations.map(({ name }) => name),
    );
    expect(names.every((list) => list[0] === 'swap')).toBe(true);
    // 600 with standard deviation 20.5; five of them.
    expect(Math.abs(names.filter((list) => list.length === 2).length - 600)).toBeLessThan(103);
  });

  it('draws for a step the same values whatever stands beside it and however probable it is', async () => {
    const amounts = async (steps: AugmentStep[]) => {
      const pipeline = await load(steps);
      return Array.from({ length: 50 }, (_, copy) => {
        const { operations } = pipeline.apply(picture(1), { ...KEY, copy }, 'a', picture(2));
        return operations.find(({ name }) => name === 'add')?.values.amount;
      });
    };
    const alone = await amounts([step('add')]);
    expect(await amounts([step('swap', 0.5), step('add'), step('swap')])).toEqual(alone);
    const rarer = await amounts([step('add', 0.5)]);
    expect(rarer.some((amount) => amount === undefined)).toBe(true);
    for (const [i, amount] of rarer.entries()) if (amount !== undefined) expect(amount).toBe(alone[i]);
  });

  it('gives a copy of its own where nothing applies, and leaves the source as it was', async () => {
    const source = picture(10);
    const none = (await load([])).apply(source, KEY, 'a');
    expect(none.operations).toEqual([]);
    expect(none.data).toEqual(source.data);
    expect(none.data).not.toBe(source.data);
    (await load([step('add'), step('add'), step('add')])).apply(source, KEY, 'a');
    expect(source).toEqual(picture(10));
  });

  it('says whether it blends pictures, and leaves such steps out where there is no other one', async () => {
    const pipeline = await load([step('add'), step('swap')]);
    expect([pipeline.needsPartner, (await load([step('add')])).needsPartner]).toEqual([true, false]);
    expect([...pipeline.apply(picture(1), KEY, 'a', picture(200)).data]).toEqual(new Array(6).fill(200));
    expect(pipeline.apply(picture(1), KEY, 'a').operations.map(({ name }) => name)).toEqual(['add']);
  });

  it('keeps to the limits of a class, the strictest of several, and leaves other classes alone', async () => {
    const pipeline = await load([step('add', 1, { most: 50 })], {
      limits: [
        { labels: ['a', 'b'], augmenter: 'add', parameters: { most: 5 } },
        { labels: ['a'], augmenter: 'add', parameters: { most: 20 } },
        { labels: ['c'], augmenter: 'add', probability: 0 },
      ],
    });
    const largest = (label: string) =>
      Math.max(
        ...Array.from({ length: 200 }, (_, copy) =>
          Number(pipeline.apply(picture(1), { ...KEY, copy }, label).operations[0]?.values.amount ?? -1),
        ),
      );
    // Of 200 amounts the largest is in the upper half, but for a chance of 2^-200.
    expect(largest('a')).toBeGreaterThan(1);
    expect(largest('a')).toBeLessThan(5);
    expect(largest('b')).toBeLessThan(5);
    expect(largest('c')).toBe(-1);
    expect(largest('d')).toBeGreaterThan(25);
  });

  it('names in its fingerprint all that decides about the pixels, in a fixed order', async () => {
    const one = (await load([step('add', 0.5, { most: 7 })])).fingerprint;
    expect(JSON.parse(one)).toEqual({
      steps: [{ augmenter: 'add', version: 3, probability: 0.5, parameters: { background: 0, most: 7 } }],
      limits: [],
    });
    expect((await load([step('add', 0.5, { background: 0, most: 7 })])).fingerprint).toBe(one);
    expect((await load([step('add', 0.5, { most: 7 })], { background: 255 })).fingerprint).not.toBe(one);
    const limits = [{ labels: ['a'], augmenter: 'add', parameters: { most: 5 } }];
    expect((await load([step('add', 0.5, { most: 7 })], { limits })).fingerprint).not.toBe(one);
  });
});

describe('loadPipeline', () => {
  it('refuses an unknown augmenter and lists those that there are', async () => {
    await expect(load([step('ad')])).rejects.toMatchObject({
      code: 'ROBLE_PLUGIN_UNKNOWN',
      details: { expected: 'one of add, swap, redraw, count', nextSteps: ['Did you mean "add"?'] },
    });
  });

  it('refuses wrong parameters, all at once, each with its path and a suggestion', async () => {
    const refused = load([step('add', 1, { mots: 1 }), step('swap'), step('add', 1, { most: 'much' })]);
    await expect(refused).rejects.toMatchObject({
      code: 'ROBLE_CONFIG_INVALID',
      details: {
        problems: [
          { path: '0.parameters.mots', suggestion: 'Did you mean "most"?' },
          { path: '2.parameters.most', message: expect.stringContaining('expected a number') },
        ],
      },
    });
  });

  it('refuses a limit of what is no number of the augmenter', async () => {
    const limits = [{ labels: ['a'], augmenter: 'add', parameters: { mots: 5 } }];
    await expect(load([step('add')], { limits })).rejects.toMatchObject({
      code: 'ROBLE_CONFIG_INVALID',
      details: { problems: [{ path: 'limits.0.parameters.mots', suggestion: 'Did you mean "most"?' }] },
    });
  });
});

describe('createAugmenter', () => {
  it('refuses a plugin that has neither create nor apply, and names it', () => {
    const plugin = { name: 'idle', version: 1, description: 'Does nothing.', parameters: z.strictObject({}) };
    expect(() => createAugmenter(plugin as unknown as Augmenter)).toThrow(
      expect.objectContaining({
        code: 'ROBLE_PLUGIN_INVALID',
        message: 'The augmenter "idle" has neither "create" nor "apply".',
        details: {
          received: 'name, version, description, parameters',
          expected: 'an Augmenter or an AugmenterFactory of roble/plugin',
        },
      }),
    );
  });
});
