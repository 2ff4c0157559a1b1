import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { temporaryFolder } from '../../../../test/support/temporary-folder.js';
import { Random } from '../../base/random.js';
import { preprocessingSchema } from '../../image/settings.js';
import { openDataset } from './open.js';
import { type PreparedSample, writeDataset } from './write.js';

let root: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('repeated'));
});
afterAll(() => remove());

/** 60 pictures of noise, each of them three times: as it is, again, and with a little more noise. */
async function* threefold(side: number, channels: 1 | 3): AsyncGenerator<PreparedSample> {
  const random = new Random(1, 'synthesize');
  const shape = { length: side * side * channels };
  const pictures = Array.from({ length: 60 }, (_, picture) => {
    const coarse = Array.from({ length: 64 }, () => random.integer(256));
    const pixels = Uint8Array.from(shape, (_, i) => {
      const [x, y] = [Math.floor(i / channels) % side, Math.floor(i / channels / side)];
      return coarse[Math.floor((8 * y) / side) * 8 + Math.floor((8 * x) / side)]!;
    });
    return { picture, pixels };
  });
  for (let time = 0; time < 3; time++)
    for (const { picture, pixels } of pictures)
      yield {
        label: picture % 2 ? 'odd' : 'even',
        source: `${picture} ${time}`,
        pixels: time < 2 ? pixels : pixels.map((value) => Math.min(255, value + random.integer(5))),
      };
}

async function splitsOf(folder: string) {
  const dataset = await openDataset(folder);
  const homes = new Map<string, Set<string>>();
  for (const split of ['train', 'validation'] as const)
    for await (const { source, group } of dataset.provenance(split)) {
      expect(group).toBeUndefined();
      const picture = source.split(' ')[0]!;
      homes.set(picture, (homes.get(picture) ?? new Set()).add(split));
    }
  return [...homes.values()];
}

it.each([
  [16, 1],
  [100, 3],
] as const)(
  'pictures that come again, of %d pixels and %d channels, stay in one split',
  async (side, channels) => {
    const preprocessing = preprocessingSchema.parse({ width: side, height: side, channels });
    const write = (out: string, keepRepeatedTogether?: boolean) =>
      writeDataset(
        {
          out: join(root, out),
          name: 'a',
          preprocessing,
          split: { ratios: { train: 0.7, validation: 0.3 }, seed: 3, keepRepeatedTogether },
          recipe: () => ({}),
        },
        threefold(side, channels),
      );
    await write(`together-${side}`);
    const together = await splitsOf(join(root, `together-${side}`));
    expect(together.filter((splits) => splits.size > 1)).toEqual([]);
    await write(`apart-${side}`, false);
    const apart = await splitsOf(join(root, `apart-${side}`));
    // Of three samples in splits of 0.7 and 0.3, all three are in one with chance 37 %.
    expect(apart.filter((splits) => splits.size > 1).length).toBeGreaterThan(20);
  },
);

/** Pictures of 16x16, one seed, the usual shares. */
function writeSmall(name: string, samples: AsyncIterable<PreparedSample>) {
  const preprocessing = preprocessingSchema.parse({ width: 16, height: 16 });
  const options = { out: join(root, name), name: 'a', preprocessing, split: { seed: 0 }, recipe: () => ({}) };
  return writeDataset(options, samples);
}

/** Pictures of noise, as different from each other as their numbers. */
function noise(picture: number): Uint8Array {
  const random = new Random(picture, 'synthesize');
  return Uint8Array.from({ length: 256 }, () => random.integer(256));
}
/** A bar at a place that many draw alike. */
const bar = Uint8Array.from({ length: 256 }, (_, i) => (Math.floor(i / 16) === 7 ? 255 : 0));

/** Of each sample its group, where it has one, and what its picture is. */
type Sheet = readonly {
  readonly group?: string;
  readonly pixels: Uint8Array;
  readonly split?: 'train' | 'test';
}[];
async function* samplesOf(sheet: Sheet): AsyncGenerator<PreparedSample> {
  for (const [i, sample] of sheet.entries())
    yield { ...sample, label: i % 2 ? 'odd' : 'even', source: `${i}` };
}

/** In which splits the groups and the pictures of a data set are. */
async function homesIn(name: string) {
  const dataset = await openDataset(join(root, name));
  const homes = new Map<string, Set<string>>();
  for (const split of ['train', 'validation', 'test'] as const) {
    if (!dataset.manifest.splits[split]) continue;
    const { images } = await dataset.load(split);
    let index = 0;
    for await (const { group } of dataset.provenance(split)) {
      const picture = `${images.subarray(256 * index, 256 * ++index)}`;
      for (const key of [picture, group ?? picture]) homes.set(key, (homes.get(key) ?? new Set()).add(split));
    }
  }
  return homes;
}

let number = 0;
it('groups that share a picture, directly or by others, or with samples of no group, stay in one split', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ group: fc.option(fc.nat(19), { nil: undefined }), picture: fc.nat(60) }), {
        minLength: 12,
        maxLength: 40,
      }),
      async (samples) => {
        const name = `groups-${number++}`;
        const shared = samples.map(({ group, picture }) => ({
          ...(group !== undefined && { group: `patient ${group}` }),
          // One more value in some, as another scan of the same would have.
          pixels: noise(picture).map((value, i) => (i < group! ? Math.min(255, value + 1) : value)),
        }));
        // Enough that belongs to nothing else for a division to be found.
        const others = Array.from({ length: 60 }, (_, i) => ({ pixels: noise(1000 + i) }));
        const { warnings } = await writeSmall(name, samplesOf([...shared, ...others]));
        const homes = await homesIn(name);
        const torn = [...homes.values()].filter((splits) => splits.size > 1);
        // A component that fits into no split is told, and not kept together.
        if (warnings.some((warning) => warning.includes('tie nearly all'))) return;
        expect(torn).toEqual([]);
      },
    ),
    { numRuns: 15 },
  ));

it('marks that many draw alike do not tie all groups together', async () => {
  const sheet = Array.from({ length: 100 }, (_, i) => ({
    group: `writer ${Math.floor(i / 5)}`,
    pixels: i % 5 === 0 ? bar : noise(i),
  }));
  const { manifest, warnings } = await writeSmall('marks', samplesOf(sheet));
  expect(manifest.splits.validation!.count).toBe(20);
  expect(warnings).toEqual([expect.stringMatching(/^4 pictures .* pixel for pixel/)]);
});

it('of given splits, the pictures that are in two are counted', async () => {
  const sheet = Array.from({ length: 40 }, (_, i) => ({
    pixels: noise(i % 33),
    split: i < 30 ? ('train' as const) : ('test' as const),
  }));
  const { warnings } = await writeSmall('shared', samplesOf(sheet));
  expect(warnings).toEqual([expect.stringMatching(/^7 pictures of validation or test are .* leaks$/)]);
});

it('what is divided beside a given split stays together, too', async () => {
  const sheet = Array.from({ length: 90 }, (_, i) => ({
    group: `patient ${i % 30}`,
    pixels: noise(i < 60 ? i % 30 : i),
    ...(i >= 60 && { split: 'test' as const, group: `other ${i}` }),
  }));
  const preprocessing = preprocessingSchema.parse({ width: 16, height: 16 });
  const split = { seed: 0, ratios: { train: 0.8, validation: 0.2 } };
  const options = { out: join(root, 'beside'), name: 'a', preprocessing, split, recipe: () => ({}) };
  const { manifest, warnings } = await writeDataset(options, samplesOf(sheet));
  expect(manifest.splits.test!.count).toBe(30);
  expect(warnings).toEqual([]);
  expect([...(await homesIn('beside')).values()].filter((splits) => splits.size > 1)).toEqual([]);
});

it('given splits are kept as they are', async () => {
  async function* given() {
    let i = 0;
    for await (const sample of threefold(16, 1))
      yield { ...sample, split: i++ % 3 === 0 ? ('validation' as const) : ('train' as const) };
  }
  const { manifest } = await writeSmall('given', given());
  expect(manifest.splits.validation?.count).toBe(60);
  expect((await readdir(root)).filter((name) => name.startsWith('.'))).toEqual([]);
});

it('a class that has no other pictures is divided all the same, and a warning says so', async () => {
  async function* same() {
    for await (const sample of threefold(16, 1))
      yield sample.label === 'odd' ? { ...sample, pixels: new Uint8Array(256).fill(9) } : sample;
  }
  const { manifest, warnings } = await writeSmall('same', same());
  expect(manifest.splits.validation?.perClass).toEqual([18, 18]);
  expect(warnings).toEqual([
    expect.stringMatching(/nearly the same .* hardly any others: odd$/),
    expect.stringMatching(/^29 pictures .* pixel for pixel/),
  ]);
});
