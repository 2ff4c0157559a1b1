import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { temporaryFolder } from '../../../test/support/temporary-folder.js';
import { preprocessingSchema } from '../image/preprocessing.js';
import { Random } from '../random/index.js';
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
  expect(warnings).toEqual([expect.stringMatching(/nearly the same .* hardly any others: odd$/)]);
});
