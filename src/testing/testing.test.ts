/** What comes in the box passes the checks for authors, and each check names its faults all at once. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary-folder.js';
import { tinyBundle } from '../../test/support/tiny-bundle.js';
import { readImageFolder } from '../core/data/formats/image-folder.js';
import { layersOf, PRESETS } from '../core/learning/presets.js';
import type { Augmenter, Predictor, Reader, ServingBackend, SourceItem } from '../core/plugin/index.js';
import { z } from '../core/plugin/index.js';
import { createRegistry } from '../plugins/index.js';
import {
  assertAugmenter,
  assertPackage,
  assertPreset,
  assertReader,
  assertServingBackend,
  assertTrainingEngine,
} from './index.js';

const registry = createRegistry();
let root: string;
let remove: () => Promise<void>;
let pictures: string;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('testing'));
  pictures = join(root, 'pictures');
  for (const [i, name] of ['a/1.png', 'a/2.png', 'b/1.png'].entries()) {
    await mkdir(join(pictures, name, '..'), { recursive: true });
    const create = { width: 9, height: 7, channels: 3, background: { r: 80 * i, g: 9, b: 9 } } as const;
    await sharp({ create }).png().toFile(join(pictures, name));
  }
});
afterAll(() => remove());

/** The message of what some work throws. */
async function messageOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => new Error('nothing was thrown'),
    (thrown) => thrown,
  );
  expect(error).toMatchObject({ code: 'ROBLE_PLUGIN_INVALID' });
  return (error as Error).message;
}

describe('assertAugmenter', () => {
  it.each(registry.names('augmenter'))('takes %s', async (name) => {
    const { microseconds, timesAffine } = await assertAugmenter(await registry.load('augmenter', name), {
      seeds: 2,
    });
    expect(microseconds).toBeGreaterThan(0);
    expect(timesAffine).toBeGreaterThan(0);
  });

  /** Writes what it is given, and is spoilt by what takes the place of its parts. */
  const copy = (parts: object): Augmenter =>
    ({
      name: 'copy',
      version: 1,
      description: 'Adds one.',
      parameters: z.strictObject({ amount: z.int().min(0).max(9).default(1) }),
      apply(source, target, random, { amount }) {
        for (let i = 0; i < source.data.length; i++) target.data[i] = source.data[i]! + Number(amount);
        return { drawn: random.float() };
      },
      ...parts,
    }) as Augmenter;
  /** The part that changes pictures. */
  const apply = (work: Augmenter['apply']) => ({ apply: work });
  let calls = 0;

  it.each<[string, object, RegExp]>([
    ['no name', { name: 'No Name' }, /lower-case letters/],
    [
      'what writes beside its target',
      apply((_, target) => {
        new Uint8Array(target.data.buffer).fill(7, 0, target.data.byteOffset + target.data.length);
        return {};
      }),
      /writes outside of its target/,
    ],
    [
      'what leaves a row',
      apply((source, target) => {
        target.data.set(source.data.subarray(source.width));
        return {};
      }),
      /leaves a part of its target unwritten/,
    ],
    [
      'what counts its calls',
      apply((_, target) => {
        target.data.fill(calls++);
        return {};
      }),
      /do not give the same bytes/,
    ],
    [
      'what remembers a picture',
      {
        create: () => {
          let before = 0;
          return apply((source, target) => {
            target.data.fill(before);
            before = source.width;
            return {};
          });
        },
      },
      /depends on the picture that it changed before/,
    ],
    [
      'what changes its source',
      apply((source, target) => {
        target.data.set(source.data);
        source.data[0]! += 1;
        return {};
      }),
      /changes the picture that it is given/,
    ],
    [
      'what draws no number',
      apply((source, target) => {
        target.data.fill(source.width);
        return { angle: Number.NaN };
      }),
      /drawn values that are no numbers: NaN/,
    ],
    [
      'what cannot do with small pictures',
      apply((source, target) => {
        if (source.height === 1) throw new Error('too flat');
        target.data.fill(3);
        return {};
      }),
      /threw: too flat \(with a picture of 9x1x1/,
    ],
    [
      'what fails at a bound',
      apply((_source, target, _random, { amount }) => {
        if (amount === 9) throw new Error('nine');
        target.data.fill(Number(amount));
        return {};
      }),
      /threw: nine .*"amount":9/,
    ],
    ['what takes any parameter', { parameters: z.object({ amount: z.int().default(1) }) }, /z\.strictObject/],
    [
      'what does nothing',
      { parameters: z.strictObject({ amount: z.int().min(0).max(9).default(0) }) },
      /changes no picture/,
    ],
  ])('refuses %s', async (_, parts, message) => {
    expect(await messageOf(assertAugmenter(copy(parts)))).toMatch(message);
  });

  it('tries the parameters that it is given, and refuses those that the schema does', async () => {
    await assertAugmenter(copy({}), { parameters: [{ amount: 5 }] });
    expect(await messageOf(assertAugmenter(copy({}), { parameters: [{ amount: 10 }] }))).toMatch(
      /refuse \{"amount":10\}/,
    );
  });

  it('says all that is wrong at once', async () => {
    let calls = 0;
    const spoilt = copy({
      parameters: z.object({}),
      ...apply((_source, target) => {
        target.data.fill(++calls);
        return { angle: Number.NaN };
      }),
    });
    const message = await messageOf(assertAugmenter(spoilt));
    const faults = message.split('\n  * ').slice(1);
    expect(faults).toHaveLength(3);
    expect(faults[0]).toMatch(/^it gives drawn values that are no numbers: NaN/);
    expect(faults[1]).toMatch(/^the same picture and random numbers do not give the same bytes/);
    expect(faults[2]).toMatch(/z\.strictObject$/);
  });
});

describe('assertServingBackend', () => {
  it.each(['onnx', 'tfjs'])('takes %s', async (name) => {
    await assertServingBackend(await registry.load('serving-backend', name));
  });

  it('takes one that serves a bundle of its own', async () => {
    const backend = await registry.load('serving-backend', 'onnx');
    await assertServingBackend(backend, { bundle: await tinyBundle(join(root, 'tiny')) });
  });

  const onnx = () => registry.load('serving-backend', 'onnx');
  /** The backend `onnx`, with some of its predictor replaced. */
  async function spoilt(spoil: (predictor: Predictor) => Partial<Predictor>): Promise<ServingBackend> {
    const right = await onnx();
    return {
      name: 'spoilt',
      async load(model, options) {
        const predictor = await right.load(model, options);
        return {
          warmUp: () => predictor.warmUp(),
          predict: (images, count) => predictor.predict(images, count),
          close: () => predictor.close(),
          ...spoil(predictor),
        };
      },
    };
  }

  it.each<[string, (predictor: Predictor) => Partial<Predictor>, RegExp]>([
    [
      'logits',
      (right) => ({
        predict: async (images, count) => (await right.predict(images, count)).map((p) => Math.log(p)),
      }),
      /are negative/,
    ],
    [
      'what mixes up rows',
      (right) => ({ predict: async (images, count) => (await right.predict(images, count)).reverse() }),
      /differ from the golden ones/,
    ],
    [
      'one answer for all',
      (right) => ({ predict: async (images, count) => (await right.predict(images, count)).slice(0, 4) }),
      /4 numbers for 3 pictures/,
    ],
    [
      'an answer that lies in one buffer',
      (right) => {
        const buffer = new Float32Array(4096);
        return {
          predict: async (images, count) => {
            const answer = await right.predict(images, count);
            buffer.set(answer);
            return buffer.subarray(0, answer.length);
          },
        };
      },
      /changes when the next one is computed/,
    ],
    [
      'what cannot be closed twice',
      (right) => {
        let closed = false;
        return {
          close: async () => {
            if (closed) throw new Error('is closed');
            closed = true;
            await right.close();
          },
        };
      },
      /second time, throws: is closed/,
    ],
  ])('refuses %s', async (_, spoil, message) => {
    expect(await messageOf(assertServingBackend(await spoilt(spoil)))).toMatch(message);
  });

  it('refuses one whose errors have no code', async () => {
    const right = await onnx();
    const plain: ServingBackend = {
      name: 'plain',
      load: (model, options) =>
        right.load(model, options).catch((error: Error) => {
          throw new TypeError(error.message);
        }),
    };
    expect(await messageOf(assertServingBackend(plain))).toMatch(
      /a device that does not exist by an error that is no RobleError/,
    );
  });
});

describe('assertTrainingEngine', () => {
  it.each(['onnx', 'tfjs'])('takes %s', async (name) => {
    await assertTrainingEngine(await registry.load('training-engine', name));
  });
});

describe('assertPreset', () => {
  it.each(Object.entries(PRESETS))('takes %s', async (name, { description, train = {} }) => {
    const report = await assertPreset({ name, description, layers: layersOf({ preset: name }), train });
    expect(report).toHaveLength(9);
    for (const { parameters } of report) expect(parameters).toBeGreaterThan(1000);
  });

  it('says all that is wrong at once', async () => {
    const layers = [
      { type: 'maxPool', size: 30 },
      { type: 'flatten' },
      { type: 'dense', units: 10 },
    ] as const;
    const message = await messageOf(
      assertPreset({ name: 'bad', description: '', layers, train: { epoch: 3 } }),
    );
    expect(message).toMatch(/no "description"/);
    expect(message).toMatch(/its "train" is not valid: .*epoch/);
    expect(message).toMatch(/28x28x1 and 10 classes its layers do not fit: .*maxPool/);
    expect(message).toMatch(/64x64x3 and 94 classes its layers do not fit: .*output for each class/);
  });
});

describe('assertReader', () => {
  const folder: Reader = { name: 'folder', description: 'A folder a class.', read: readImageFolder };

  /** The same reader, which listens to its signal, with its items changed. */
  const changed = (change: (items: SourceItem[]) => SourceItem[]): Reader => ({
    ...folder,
    async *read(path, options) {
      const items: SourceItem[] = [];
      for await (const item of readImageFolder(path, options)) items.push(item);
      for (const item of change(items)) {
        options.signal?.throwIfAborted();
        yield item;
      }
    },
  });
  it('takes one that reads a folder of pictures, and gives what it read', async () => {
    const { samples } = await assertReader(
      changed((items) => items),
      pictures,
    );
    expect(samples.map(({ source, label }) => [source, label])).toEqual([
      ['a/1.png', 'a'],
      ['a/2.png', 'a'],
      ['b/1.png', 'b'],
    ]);
  });

  let turn = 0;

  it.each<[string, (items: SourceItem[]) => SourceItem[], RegExp]>([
    ['another order', (items) => (turn++ % 2 ? [...items].reverse() : items), /same items in the same order/],
    [
      'a picture that is not there',
      (items) =>
        items.map((item) =>
          'picture' in item ? { ...item, picture: { kind: 'encoded', from: '/no/such.png' } } : item,
        ),
      /decode the picture of "a\/1.png"/,
    ],
    [
      'an index without classes',
      (items) => items.map((item) => ('picture' in item ? { ...item, label: 3 } : item)),
      /label 3 of "a\/1.png" is no index/,
    ],
    [
      'a split that is none',
      (items) => items.map((item) => ('picture' in item ? { ...item, split: 'dev' as never } : item)),
      /split "dev"/,
    ],
    [
      'one source twice',
      (items) => items.map((item) => ('picture' in item ? { ...item, source: 'x' } : item)),
      /two samples have the source "x"/,
    ],
    ['what is no sample', (items) => [...items, { name: 'x' } as never], /no sample/],
  ])('refuses %s', async (_, change, message) => {
    expect(await messageOf(assertReader(changed(change), pictures))).toMatch(message);
  });

  it('refuses one that does not listen to its signal', async () => {
    expect(await messageOf(assertReader(folder, pictures))).toMatch(/2 more samples after its signal/);
  });
});

describe('assertPackage', () => {
  it('looks at a package as roble does', async () => {
    const paper = join(import.meta.dirname, '../../examples/roble-paper');
    expect(await assertPackage(paper)).toMatchObject({
      name: 'roble-paper',
      plugins: [{ kind: 'augmenter', name: 'ruled-lines', loadMs: expect.any(Number) }],
    });
  });

  it('refuses one that announces another name than its module has', async () => {
    const folder = join(root, 'package');
    await mkdir(folder);
    const plugins = [{ kind: 'preset', name: 'other', module: './preset.js' }];
    const manifest = { name: 'x', version: '1.0.0', type: 'module', roble: { apiVersion: 1, plugins } };
    await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
    await writeFile(join(folder, 'preset.js'), "export const plugin = { name: 'this', layers: [] };");
    expect(await messageOf(assertPackage(folder))).toMatch(
      /its name is "this", and its package says "other"/,
    );
  });
});
