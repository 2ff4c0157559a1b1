import sharp from 'sharp';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PictureThreads } from './picture-threads.js';
import { preprocessImage, preprocessQuickly } from './preprocess.js';
import { preprocessingSchema } from './settings.js';

const preprocessing = preprocessingSchema.parse({ width: 28, height: 28 });
let threads: PictureThreads;
beforeEach(() => {
  threads = new PictureThreads(2);
});
afterEach(() => threads.close());

const noise = (side: number) =>
  sharp({
    create: {
      width: side,
      height: side,
      channels: 3,
      background: '#000',
      noise: { type: 'gaussian', mean: 128, sigma: 40 },
    },
  });

test('a picture is the same, wherever it is decoded', async () => {
  const pictures = await Promise.all([
    noise(28).png().toBuffer(),
    noise(300).png().toBuffer(),
    noise(400).jpeg().toBuffer(),
    noise(90).webp().toBuffer(),
  ]);
  expect(pictures.map((bytes) => preprocessQuickly(bytes, preprocessing) !== undefined)).toEqual([
    true,
    false,
    false,
    false,
  ]);
  const asked = Array.from({ length: 12 }, (_, i) => pictures[i % pictures.length]!);
  const given = await Promise.all(asked.map((bytes) => threads.preprocess(bytes, preprocessing)));
  for (const [i, bytes] of asked.entries())
    expect(given[i]).toEqual(await preprocessImage(bytes, preprocessing));
});

test('what is wrong with a picture is said by its code, and spares the others of its batch', async () => {
  const good = await noise(300).png().toBuffer();
  const cut = good.subarray(0, good.length / 2);
  await expect(threads.preprocess(cut, preprocessing)).rejects.toMatchObject({
    code: 'ROBLE_IMAGE_TRUNCATED',
  });
  const tooLarge = threads.preprocess(good, preprocessing, { maxPixels: 100, limitName: 'serve.maxPixels' });
  await expect(tooLarge).rejects.toMatchObject({
    code: 'ROBLE_IMAGE_TOO_LARGE',
    message: expect.stringContaining('serve.maxPixels'),
  });
  const [first, second, third] = await threads.prepare({
    pictures: [{ from: good }, { from: cut }, { from: '/nowhere/a.png' }],
    preprocessing,
    options: {},
  });
  expect(first!.pixels).toEqual(await preprocessImage(good, preprocessing));
  expect(second).toMatchObject({ error: { code: 'ROBLE_IMAGE_TRUNCATED' } });
  expect(third).toMatchObject({ error: { code: 'ROBLE_FILE_NOT_FOUND' } });
});

test('bytes are still there afterwards, for who decodes them again', async () => {
  const bytes = new Uint8Array(await noise(300).png().toBuffer());
  const before = bytes.slice();
  await threads.preprocess(bytes, preprocessing);
  expect(bytes).toEqual(before);
});
