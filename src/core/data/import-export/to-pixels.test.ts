import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { prepareImage, preprocessPixels } from '../../image/preprocess.js';
import { preprocessingSchema } from '../../image/settings.js';
import { transposePixels } from './to-pixels.js';

const side = fc.integer({ min: 2, max: 9 });
const image = fc
  .record({ width: side, height: side, channels: fc.constantFrom(1, 3, 4), seed: fc.nat(999) })
  .map(({ seed, ...shape }) => ({
    shape: shape as { width: number; height: number; channels: 1 | 3 | 4 },
    pixels: Uint8Array.from(
      { length: shape.width * shape.height * shape.channels },
      (_, i) => Math.imul(i + seed, 2654435761) >>> 24,
    ),
  }));

describe('a transposed picture', () => {
  it('has rows as columns, and is itself again when transposed twice', () => {
    fc.assert(
      fc.property(image, ({ pixels, shape }) => {
        const once = transposePixels(pixels, shape);
        const at = (x: number, y: number) => pixels[(y * shape.width + x) * shape.channels];
        expect(once.pixels[(1 * shape.height + 0) * shape.channels]).toBe(at(1, 0));
        expect(transposePixels(once.pixels, once.shape)).toEqual({ pixels, shape });
      }),
    );
  });

  it('is the same, encoded or raw, whatever its shape and the shape that is made of it', async () => {
    await fc.assert(
      fc.asyncProperty(
        image,
        fc.record({ width: side, height: side, fit: fc.constantFrom('contain', 'cover', 'fill') }),
        fc.constantFrom(1, 3),
        async ({ pixels, shape }, size, channels) => {
          const preprocessing = preprocessingSchema.parse({ ...size, channels, background: '#404040' });
          const png = await sharp(pixels, { raw: shape }).png().toBuffer();
          const swapped = transposePixels(pixels, shape);
          const encoded = await sharp(swapped.pixels, { raw: swapped.shape }).png().toBuffer();
          const expected = (await prepareImage(encoded, preprocessing)).pixels;
          expect((await prepareImage(png, preprocessing, { transpose: true })).pixels).toEqual(expected);
          expect(await preprocessPixels(swapped.pixels, swapped.shape, preprocessing)).toEqual(expected);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is turned as EXIF says before', async () => {
    const pixels = Uint8Array.of(1, 2, 3, 4, 5, 6);
    const tagged = await sharp(pixels, { raw: { width: 3, height: 2, channels: 1 } })
      .png()
      .withMetadata({ orientation: 6 })
      .toBuffer();
    const preprocessing = preprocessingSchema.parse({ width: 3, height: 2 });
    // Orientation 6 shows [[4, 1], [5, 2], [6, 3]].
    expect([...(await prepareImage(tagged, preprocessing, { transpose: true })).pixels]).toEqual([
      4, 5, 6, 1, 2, 3,
    ]);
  });
});
