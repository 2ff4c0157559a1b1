import fc from 'fast-check';
import { expect } from 'vitest';
import { convertEncoded } from '../../src/core/image/general-decoder.js';
import { plainToModel, readPlainFile } from '../../src/core/image/plain/plain-picture.js';
import type { Raster } from '../../src/core/image/plain/raster.js';
import { DEFAULT_MAX_PIXELS } from '../../src/core/image/preprocess.js';
import { type Preprocessing, preprocessingSchema } from '../../src/core/image/settings.js';

/** How many times as many pictures are tried as by default. */
export const TIMES = Number(process.env.ROBLE_TEST_PIXELS ?? 1);

/** What models may see. */
export const anyPreprocessing = fc
  .record({
    width: fc.integer({ min: 1, max: 70 }),
    height: fc.integer({ min: 1, max: 70 }),
    channels: fc.constantFrom(1, 3),
    fit: fc.constantFrom('contain', 'cover', 'fill'),
    background: fc.oneof(
      fc.constantFrom('#000000', '#ffffff'),
      fc.integer({ min: 0, max: 0xffffff }).map((value) => `#${value.toString(16).padStart(6, '0')}`),
    ),
  })
  .map((settings) => preprocessingSchema.parse(settings));

/** Bytes that look like a picture or like noise, the same for a seed. */
export function bytesOf(length: number, seed: number, isSmooth: boolean): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, (_, i) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return isSmooth ? i * 3 + (i >> 6) * 5 + (state >>> 30) : state >>> 24;
  });
}

/** What the plain way gives; undefined where it leaves the file to the general decoder. */
export function plain(file: Uint8Array, preprocessing: Preprocessing): Raster | undefined {
  const read = readPlainFile(file);
  return read && plainToModel(read, preprocessing);
}

/** What the general decoder gives, which is the reference. */
export function general(file: Uint8Array, preprocessing: Preprocessing) {
  const options = { maxPixels: DEFAULT_MAX_PIXELS, limitName: undefined, transpose: false };
  return convertEncoded(file, preprocessing, options);
}

/** Expects the pixels of the general decoder, bit for bit, of what the plain way takes; returns whether it does. */
export async function expectEqual(file: Uint8Array, preprocessing: Preprocessing): Promise<boolean> {
  const picture = plain(file, preprocessing);
  if (!picture) return false;
  const reference = await general(file, preprocessing);
  expect([picture.width, picture.height, picture.channels]).toEqual([
    reference.width,
    reference.height,
    reference.channels,
  ]);
  expect(Buffer.from(picture.pixels).equals(reference.pixels)).toBe(true);
  return true;
}
