import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodePlainPng, encodePlainPng } from './png.js';
import { prepareImage } from './preprocess.js';
import { preprocessingSchema } from './settings.js';

const picture = fc
  .record({
    width: fc.integer({ min: 2, max: 40 }),
    height: fc.integer({ min: 2, max: 40 }),
    channels: fc.constantFrom(1 as const, 3 as const),
    /** Smooth pictures make encoders use the filters, noise none. */
    smooth: fc.boolean(),
    seed: fc.integer({ min: 1, max: 1_000_000 }),
  })
  .map(({ smooth, seed, ...shape }) => ({ shape, pixels: pixelsOf(shape, smooth, seed) }));

function pixelsOf(
  { width, height, channels }: { width: number; height: number; channels: number },
  smooth: boolean,
  seed: number,
): Uint8Array {
  let state = seed;
  const noise = () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state >>> 24;
  };
  return Uint8Array.from({ length: width * height * channels }, (_, i) =>
    smooth
      ? Math.floor(i / channels / width) * 5 + (Math.floor(i / channels) % width) * 3 + (noise() & 3)
      : noise(),
  );
}

/** As encoders of programs write it: `adaptive` chooses a filter for each row. */
const png = (
  pixels: Uint8Array,
  raw: { width: number; height: number; channels: 1 | 3 },
  adaptive: boolean,
) =>
  sharp(pixels, { raw })
    .toColourspace(raw.channels === 1 ? 'b-w' : 'srgb')
    .png({ adaptiveFiltering: adaptive })
    .toBuffer();

describe('decodePlainPng', () => {
  it('gives the pixels that were encoded, whatever filters the encoder chose', async () => {
    await fc.assert(
      fc.asyncProperty(picture, fc.boolean(), async ({ shape, pixels }, adaptive) => {
        const decoded = decodePlainPng(await png(pixels, shape, adaptive), shape);
        expect(decoded && Buffer.from(decoded).equals(pixels)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('reads what the plain encoder writes, as the general decoder does', async () => {
    await fc.assert(
      fc.asyncProperty(picture, async ({ shape, pixels }) => {
        const file = encodePlainPng(pixels, shape);
        expect(Buffer.from(decodePlainPng(file, shape)!).equals(pixels)).toBe(true);
        const general = await sharp(file, { failOn: 'warning' }).raw().toBuffer();
        // It makes three channels of one.
        const kept = general.filter(
          (_, i) => i % (general.length / pixels.length) < 1 || shape.channels === 3,
        );
        expect(Buffer.from(kept).equals(pixels)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('leaves every file with a changed, missing or additional byte to the general decoder', async () => {
    const shape = { width: 6, height: 5, channels: 1 } as const;
    const bytes = await png(pixelsOf(shape, true, 7), shape, true);
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1 << (at % 8);
      expect(decodePlainPng(changed, shape), `byte ${at}`).toBeUndefined();
      expect(decodePlainPng(bytes.subarray(0, at), shape), `cut at ${at}`).toBeUndefined();
    }
    expect(decodePlainPng(Buffer.concat([bytes, Buffer.alloc(1)]), shape)).toBeUndefined();
  });

  it('leaves other sizes, transparency, palettes, 16 bits and interlacing to it, too', async () => {
    const shape = { width: 8, height: 8, channels: 3 } as const;
    const source = () => sharp(pixelsOf(shape, true, 3), { raw: shape });
    const files = [
      source().ensureAlpha(0.5).png(),
      source().png({ palette: true }),
      source().toColourspace('rgb16').png(),
      source().png({ progressive: true }),
      source()
        .withExif({ IFD0: { Orientation: '3' } })
        .png(),
      source().withIccProfile('p3').png(),
      source().jpeg(),
    ];
    for (const file of files) expect(decodePlainPng(await file.toBuffer(), shape)).toBeUndefined();
    const plain = await source().png().toBuffer();
    expect(decodePlainPng(plain, shape)).toBeDefined();
    expect(decodePlainPng(plain, { ...shape, width: 9 })).toBeUndefined();
    expect(decodePlainPng(plain, { ...shape, channels: 1 })).toBeUndefined();
  });
});

describe('prepareImage', () => {
  it('gives the same for a plain file and for one that the general decoder reads', async () => {
    for (const channels of [1, 3] as const)
      for (const invert of [false, true]) {
        const shape = { width: 12, height: 9, channels };
        const pixels = pixelsOf(shape, true, 11);
        const preprocessing = preprocessingSchema.parse({ ...shape, invert });
        const plain = await png(pixels, shape, true);
        // WebP without loss keeps the pixels, too.
        const other = await sharp(plain).webp({ lossless: true }).toBuffer();
        const [one, two] = await Promise.all([plain, other].map((file) => prepareImage(file, preprocessing)));
        expect(Buffer.from(one!.pixels).equals(two!.pixels)).toBe(true);
      }
  });
});
