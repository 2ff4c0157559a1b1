import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { temporaryFolder } from '../../../../test/support/temporary-folder.js';
import { Random } from '../../base/random.js';
import { preprocessingSchema } from '../../image/settings.js';
import { openDataset } from '../dataset/open.js';
import { synthesizeDataset } from '../dataset/synthesize.js';
import { picturesIn } from './ink.js';
import { findNearDuplicates } from './near-duplicates.js';

const shape = { width: 28, height: 28, channels: 1 } as const;
const SIZE = 28 * 28;

let drawings: Uint8Array[];
let remove: () => Promise<void>;
beforeAll(async () => {
  const folder = await temporaryFolder('near');
  remove = folder.remove;
  const out = join(folder.path, 'drawn');
  const characters = [...'abdghkmqswABEGKMNQRSWXZ23456789&@#%'];
  await synthesizeDataset({ characters, perClass: 20, out, preprocessing: preprocessingSchema.parse({}) });
  const { images, count } = await (await openDataset(out)).load('train');
  drawings = Array.from({ length: count }, (_, i) => images.slice(i * SIZE, (i + 1) * SIZE));
});
afterAll(() => remove());

function find(pictures: readonly Uint8Array[]) {
  const images = new Uint8Array(pictures.length * SIZE);
  for (const [i, picture] of pictures.entries()) images.set(picture, i * SIZE);
  return findNearDuplicates(picturesIn(images, shape), pictures.length, shape);
}
/** What a shift brings in is paper. */
function shifted(picture: Uint8Array, dx: number, dy: number): Uint8Array {
  return picture.map((_, i) => {
    const [x, y] = [(i % 28) - dx, Math.floor(i / 28) - dy];
    return x < 0 || y < 0 || x > 27 || y > 27 ? 0 : picture[y * 28 + x]!;
  });
}
function noisy(picture: Uint8Array, deviation: number, seed: number): Uint8Array {
  const random = new Random(seed, 'augment');
  return picture.map((value) => Math.min(255, Math.max(0, value + Math.round(deviation * random.normal()))));
}

it('finds no two drawings alike that were drawn each for itself', () => {
  const { cluster } = find(drawings);
  expect(cluster.filter((first, i) => first !== i)).toHaveLength(0);
});

it('nearly always finds a copy that is shifted by a pixel and has a little noise, among all the others', () => {
  const copies = fc.record({
    of: fc.nat(drawings.length - 1),
    dx: fc.integer({ min: -1, max: 1 }),
    dy: fc.integer({ min: -1, max: 1 }),
    deviation: fc.integer({ min: 0, max: 6 }),
    seed: fc.nat(),
  });
  // Of one drawing each, so that no copy is found by another.
  const sample = fc.sample(fc.uniqueArray(copies, { minLength: 60, selector: ({ of }) => of }), {
    numRuns: 1,
    seed: 7,
  })[0]!;
  const made = sample.map(({ of, dx, dy, deviation, seed }) =>
    noisy(shifted(drawings[of]!, dx, dy), deviation, seed),
  );
  const { cluster } = find([...drawings, ...made]);
  const found = sample.filter(({ of }, i) => cluster[drawings.length + i] === of);
  // Hashes of 128 bits are not always near enough.
  expect(found.length / sample.length).toBeGreaterThanOrEqual(0.95);
});

it('finds nearly all of many such copies at once, and nothing else', () => {
  const copies = drawings.map((drawing, i) =>
    noisy(shifted(drawing, (i % 3) - 1, (Math.floor(i / 3) % 3) - 1), 6, i),
  );
  const { cluster } = find([...drawings, ...copies]);
  const found = copies.filter((_, i) => cluster[drawings.length + i] === i).length;
  // Hashes of 128 bits are not always near enough.
  expect(found / copies.length).toBeGreaterThan(0.95);
  for (const [i, first] of cluster.entries()) expect([i, i - drawings.length]).toContain(first);
});

it('finds every picture that is equal to one before it, whatever it shows', () => {
  const small = { width: 2, height: 3, channels: 1 } as const;
  const pictures = fc.array(fc.uint8Array({ minLength: 6, maxLength: 6, max: 1 }), { minLength: 1 });
  fc.assert(
    fc.property(pictures, (list) => {
      const images = Uint8Array.from(list.flatMap((picture) => [...picture]));
      const { cluster, exact } = findNearDuplicates(picturesIn(images, small), list.length, small);
      const texts = list.map(String);
      for (const [i, text] of texts.entries()) {
        expect(exact[i]).toBe(texts.indexOf(text));
        expect(cluster[i]).toBe(cluster[texts.indexOf(text)]);
        expect(cluster[cluster[i]!]).toBe(cluster[i]);
      }
    }),
  );
});

it('compares channels apart, so that equal greys of other colours are other pictures', () => {
  const colour = { ...shape, channels: 3 } as const;
  const red = Uint8Array.from(
    { length: SIZE * 3 },
    (_, i) => (i % 3 === 0 && drawings[0]![(i / 3) | 0]) || 0,
  );
  const blue = red.map((_, i) => red[i - 2] ?? 0);
  const nearlyRed = red.map((value) => Math.min(255, value + 2));
  const images = Uint8Array.from([...red, ...blue, ...nearlyRed]);
  expect([...findNearDuplicates(picturesIn(images, colour), 3, colour).cluster]).toEqual([0, 1, 0]);
});

it('compares no pictures where all are blank, and a bounded number where all look alike', () => {
  const blank = Array.from({ length: 4000 }, () => new Uint8Array(SIZE));
  expect(find(blank)).toMatchObject({ comparisons: { hashes: 0, pictures: 0 } });
  const bar = (i: number) =>
    Uint8Array.from({ length: SIZE }, (_, k) => (k % 28 === 14 ? 255 - (i % 64) : k === i % SIZE ? 40 : 0));
  const bars = Array.from({ length: 3000 }, (_, i) => bar(i));
  const { hashes, pictures } = find(bars).comparisons;
  // Eight bands, and 64 neighbours of each picture in each; all pairs would be 4,498,500.
  expect(hashes).toBeLessThanOrEqual(8 * 64 * bars.length);
  expect(pictures).toBeLessThan(64 * bars.length);
});
