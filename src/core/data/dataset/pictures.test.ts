import { appendFile, open, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../../test/support/temporary-folder.js';
import { sha256 } from '../../base/storage/durable.js';
import {
  copyPicture,
  copyPictures,
  copySomePictures,
  openPictures,
  type PackedPictures,
  pictureAt,
} from './pictures.js';

let root: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('pictures'));
});
afterAll(() => remove());

/** Writes parts of pictures whose bytes all differ from those of their neighbours, and gives the bytes of all. */
async function writeParts(name: string, size: number, counts: readonly number[]) {
  const count = counts.reduce((a, b) => a + b, 0);
  const bytes = Uint8Array.from({ length: count * size }, (_, i) => (i * 131 + (i >> 8) * 17) & 255);
  let start = 0;
  const parts = [];
  for (const [i, own] of counts.entries()) {
    const content = bytes.subarray(start * size, (start + own) * size);
    const file = `${name}-${i}.images`;
    await writeFile(join(root, file), content);
    parts.push({ count: own, images: { file, bytes: content.length, sha256: sha256(content) } });
    start += own;
  }
  return { parts, bytes, count };
}

describe('pictures in files', () => {
  it('are byte for byte those in memory, however they lie in parts and are asked for', async () => {
    const layout = fc.record({
      size: fc.constantFrom(1, 7, 784, 400_003),
      counts: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
      asked: fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 1, maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(layout, async ({ size, counts, asked }) => {
        const { parts, bytes, count } = await writeParts('any', size, counts);
        const inMemory = await openPictures(root, parts, size, Infinity);
        const seen: string[] = [];
        const inFiles = await openPictures(root, parts, size, count * size - 1, (pixels, i) => {
          seen[i] = sha256(pixels);
        });
        const each = Array.from({ length: count }, (_, i) =>
          sha256(bytes.subarray(i * size, (i + 1) * size)),
        );
        expect(seen).toEqual(each);
        expect('images' in inMemory).toBe(true);
        expect('images' in inFiles).toBe(false);
        for (const pictures of [inMemory, structuredClone(inFiles)]) {
          for (const [one, other] of asked) {
            const [start, end] = [one % count, (other % count) + 1].sort((a, b) => a - b) as [number, number];
            const expected = bytes.subarray(start * size, end * size);
            expect(sha256(copyPictures(pictures, start, end))).toBe(sha256(expected));
          }
          const indices = asked.map(([one]) => one % count);
          const place = new Uint8Array(size);
          const pieces = indices.map((i) => {
            copyPicture(pictures, i, place);
            const own = bytes.subarray(i * size, (i + 1) * size);
            for (const read of [place, pictureAt(pictures, i)]) expect(sha256(read)).toBe(sha256(own));
            return own;
          });
          expect(sha256(copySomePictures(pictures, indices))).toBe(sha256(Buffer.concat(pieces)));
        }
      }),
      { numRuns: 15 },
    );
  });

  it('take a byte more than the memory has to be left in their files', async () => {
    const { parts } = await writeParts('edge', 10, [3]);
    expect(await openPictures(root, parts, 10, 30)).toHaveProperty('images');
    expect(await openPictures(root, parts, 10, 29)).not.toHaveProperty('images');
  });

  it('are copied out of shared memory, which engines do not take', async () => {
    const { parts } = await writeParts('shared', 10, [3]);
    for (const memory of [0, Infinity]) {
      const pictures = await openPictures(root, parts, 10, memory);
      for (const copy of [copyPictures(pictures, 0, 2), copySomePictures(pictures, [2])])
        expect(copy.buffer).toBeInstanceOf(ArrayBuffer);
    }
  });
});

describe('a changed file', () => {
  const changes: [string, (path: string) => Promise<void>][] = [
    ['other bytes', (path) => overwrite(path, 25)],
    ['fewer bytes', (path) => truncate(path, 29)],
    ['no file', (path) => rm(path)],
    [
      'another file',
      async (path) => {
        await writeFile(`${path}.new`, Buffer.alloc(30));
        await rename(`${path}.new`, path);
      },
    ],
  ];

  async function overwrite(path: string, at: number): Promise<void> {
    const file = await open(path, 'r+');
    await file.write(Uint8Array.of(7), 0, 1, at);
    await file.close();
  }

  it.each([...changes, ['more bytes', (path: string) => appendFile(path, 'x')] as const])(
    'is refused when it is opened, in memory or not: %s',
    async (_, change) => {
      const { parts } = await writeParts('before', 10, [3, 3]);
      await change(join(root, 'before-1.images'));
      for (const memory of [0, Infinity])
        await expect(openPictures(root, parts, 10, memory)).rejects.toMatchObject({
          code: 'ROBLE_DATASET_INVALID',
          message: expect.stringContaining('before-1.images was changed'),
        });
    },
  );

  it.each(changes)('is refused where it is read after it was opened: %s', async (_, change) => {
    const { parts } = await writeParts('after', 10, [3, 3]);
    const pictures = await openPictures(root, parts, 10, 0);
    const unchanged = pictureAt(pictures, 2);
    await change(join(root, 'after-1.images'));
    const refused = expect.objectContaining({
      code: 'ROBLE_DATASET_INVALID',
      message: expect.stringContaining('after-1'),
    });
    for (const read of [
      (of: PackedPictures) => pictureAt(of, 5),
      (of: PackedPictures) => copyPictures(of, 1, 6),
      (of: PackedPictures) => copySomePictures(of, [0, 5]),
    ])
      expect(() => read(pictures)).toThrow(refused);
    expect(pictureAt(pictures, 2)).toEqual(unchanged);
  });
});
