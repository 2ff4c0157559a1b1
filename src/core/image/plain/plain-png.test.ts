/** Plain PNGs against the general decoder, which is the reference: the same pixels, bit for bit, or left to it. */
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import {
  anyPreprocessing,
  bytesOf,
  expectEqual,
  general,
  plain,
  TIMES,
} from '../../../../test/support/plain-picture.js';
import { encodePngFile, type PngOptions, strideOf } from '../../../../test/support/png-file.js';
import { convertPixels } from '../general-decoder.js';
import { preprocessImage } from '../preprocess.js';
import { preprocessingSchema } from '../settings.js';
import { pixelsToModel, readPlainPicture } from './plain-picture.js';

const size = { width: fc.integer({ min: 2, max: 200 }), height: fc.integer({ min: 2, max: 200 }) };

const png = fc
  .record({
    ...size,
    layout: fc.constantFrom(
      ...[1, 2, 4, 8].flatMap((depth) => [
        { depth, colorType: 0 },
        { depth, colorType: 3 },
      ]),
      ...[2, 4, 6].map((colorType) => ({ depth: 8, colorType })),
    ),
    seed: fc.integer({ min: 1, max: 1e6 }),
    isSmooth: fc.boolean(),
    hasTransparency: fc.boolean(),
    filter: fc.integer({ min: 0, max: 5 }),
    parts: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ layout, width, height, seed, isSmooth, hasTransparency, filter, parts }) => {
    const options: PngOptions = {
      width,
      height,
      ...layout,
      // 5: another one in each row.
      filterOf: (row) => (filter === 5 ? row % 5 : filter),
      chunks: layout.colorType === 3 ? paletteOf(layout.depth, seed, hasTransparency) : [],
      parts,
    };
    return encodePngFile(options, bytesOf(height * strideOf(options), seed, isSmooth));
  });

function paletteOf(depth: number, seed: number, hasTransparency: boolean) {
  const colours = 2 ** depth;
  const palette = ['PLTE', bytesOf(3 * colours, seed + 1, false)] as const;
  const transparency = ['tRNS', bytesOf(1 + (seed % colours), seed + 2, false)] as const;
  return hasTransparency ? [palette, transparency] : [palette];
}

describe('a plain PNG', () => {
  it('of any layout, filter, size and fit gives the pixels of the general decoder', async () => {
    await fc.assert(
      fc.asyncProperty(png, anyPreprocessing, async (file, preprocessing) => {
        expect(await expectEqual(file, preprocessing), 'left to the general decoder').toBe(true);
      }),
      { numRuns: 150 * TIMES },
    );
  });

  it('resized to more than the parts in which the general decoder computes, too', async () => {
    const large = { width: fc.integer({ min: 2, max: 600 }), height: fc.integer({ min: 2, max: 600 }) };
    await fc.assert(
      fc.asyncProperty(
        fc.record({ ...large, fit: fc.constantFrom('contain', 'cover', 'fill') }),
        fc.record(large),
        fc.integer({ min: 1, max: 1e6 }),
        async (target, { width, height }, seed) => {
          const settings = preprocessingSchema.parse(target);
          const options = { width, height, depth: 8, colorType: 0 };
          const file = encodePngFile(options, bytesOf(width * height, seed, false));
          await expectEqual(file, settings);
        },
      ),
      { numRuns: 10 * TIMES },
    );
  });

  it('of every grey and of many colours gives the grey of the general decoder', async () => {
    const settings = preprocessingSchema.parse({ width: 256, height: 64 });
    for (const isGrey of [true, false]) {
      const noise = bytesOf(3 * 256 * 64, 9, false);
      const pixels = isGrey ? noise.map((_, i) => Math.floor(i / 3) % 256) : noise;
      const file = encodePngFile({ width: 256, height: 64, depth: 8, colorType: 2 }, pixels);
      expect(await expectEqual(file, settings)).toBe(true);
      const { pixels: grey } = plain(file, settings)!;
      if (isGrey) expect(grey.subarray(0, 256)).toEqual(Uint8Array.from({ length: 256 }, (_, i) => i));
    }
  });

  it('with a byte changed, missing or added is left to the general decoder', () => {
    const options = { width: 6, height: 5, depth: 8, colorType: 2, parts: 2 };
    const file = encodePngFile(options, bytesOf(90, 7, true));
    const settings = preprocessingSchema.parse({ width: 6, height: 5 });
    expect(plain(file, settings)).toBeDefined();
    for (let at = 0; at < file.length; at++) {
      const changed = Buffer.from(file);
      changed[at]! ^= 1 << (at % 8);
      expect(plain(changed, settings), `byte ${at}`).toBeUndefined();
      expect(plain(file.subarray(0, at), settings), `cut at ${at}`).toBeUndefined();
    }
    expect(plain(Buffer.concat([file, Buffer.alloc(1)]), settings)).toBeUndefined();
  });

  it('is not one that has an orientation, a profile, a transparent colour, interlacing, 16 bits, or several frames', async () => {
    const options = { width: 8, height: 8, depth: 8, colorType: 2 };
    const rows = bytesOf(192, 3, true);
    const withChunk = (type: string, content: Uint8Array) =>
      encodePngFile({ ...options, chunks: [[type, content]] }, rows);
    const source = () => sharp(rows, { raw: { width: 8, height: 8, channels: 3 } });
    const files = [
      withChunk('tRNS', new Uint8Array(6)),
      withChunk('acTL', new Uint8Array(8)),
      withChunk('eXIf', new Uint8Array(8)),
      withChunk('iCCP', new Uint8Array(8)),
      withChunk('cICP', new Uint8Array(4)),
      withChunk('tEXt', Buffer.from('Raw profile type exif\0')),
      withChunk('prVt', new Uint8Array(3)),
      await source().png({ progressive: true }).toBuffer(),
      await source().toColourspace('rgb16').png().toBuffer(),
    ];
    for (const [i, file] of files.entries()) expect(readPlainPicture(file), `file ${i}`).toBeUndefined();
    for (const type of ['pHYs', 'tIME', 'gAMA', 'cHRM', 'sRGB', 'bKGD', 'sBIT', 'tEXt'])
      expect(readPlainPicture(withChunk(type, new Uint8Array(9))), type).toBeDefined();
  });

  it('with chunks that change no pixel gives the pixels of the general decoder', async () => {
    const u32 = (...values: number[]) => Buffer.from(values.flatMap((v) => [v >>> 24, v >> 16, v >> 8, v]));
    const chunks = [
      ['gAMA', u32(100_000)],
      ['cHRM', u32(30_000, 30_000, 60_000, 30_000, 20_000, 60_000, 10_000, 10_000)],
      ['sBIT', Buffer.from([5, 5, 5])],
      ['bKGD', Buffer.from([0, 200, 0, 100, 0, 50])],
      ['pHYs', Buffer.from([0, 0, 1, 0, 0, 0, 2, 0, 1])],
      ['tIME', Buffer.from([7, 230, 1, 1, 1, 1, 1])],
      ['tEXt', Buffer.from('Comment\0by hand')],
    ] as const;
    const settings = preprocessingSchema.parse({ width: 5, height: 5, channels: 3 });
    const options = { width: 8, height: 8, depth: 8, colorType: 6 };
    const rows = bytesOf(256, 3, false);
    const bare = await general(encodePngFile(options, rows), settings);
    for (const chunk of [...chunks.map((chunk) => [chunk]), chunks]) {
      const file = encodePngFile({ ...options, chunks: chunk }, rows);
      expect(await expectEqual(file, settings)).toBe(true);
      expect(Buffer.from(plain(file, settings)!.pixels).equals(bare.pixels)).toBe(true);
    }
  });

  it('in which colours are all grey but perhaps one gives the pixels of the general decoder', async () => {
    const side = fc.integer({ min: 2, max: 12 });
    await fc.assert(
      fc.asyncProperty(
        fc.record({ width: side, height: side, samples: fc.constantFrom(3, 4), filter: fc.nat({ max: 4 }) }),
        fc.record({ seed: fc.integer({ min: 1, max: 1e6 }), isSmooth: fc.boolean() }),
        // Of red, green or blue, which is changed.
        fc.option(fc.record({ place: fc.nat(999_999), by: fc.integer({ min: 64, max: 255 }) })),
        fc.constantFrom('clear', 'opaque', 'in runs'),
        anyPreprocessing,
        async ({ width, height, samples, filter }, { seed, isSmooth }, other, alpha, settings) => {
          const greys = bytesOf(width * height, seed, isSmooth);
          const pixels = new Uint8Array(greys.length * samples);
          for (const [i, grey] of greys.entries()) {
            pixels.fill(grey, i * samples, i * samples + 3);
            const run = Math.floor(i / 7 + seed) % 3;
            if (samples === 4)
              pixels[i * 4 + 3] = alpha === 'clear' ? 0 : alpha === 'opaque' ? 255 : [0, 255, grey][run]!;
          }
          if (other) {
            const sample = other.place % (greys.length * 3);
            pixels[Math.floor(sample / 3) * samples + (sample % 3)]! ^= other.by;
          }
          const options = {
            width,
            height,
            depth: 8,
            colorType: samples === 3 ? 2 : 6,
            filterOf: () => filter,
          };
          expect(await expectEqual(encodePngFile(options, pixels), settings)).toBe(true);
        },
      ),
      { numRuns: 400 * TIMES },
    );
  });

  it('much longer than what a model sees gives the pixels of the general decoder', async () => {
    const long = fc.integer({ min: 1000, max: 5000 });
    await fc.assert(
      fc.asyncProperty(
        fc.record({ long, short: fc.integer({ min: 2, max: 9 }), isTall: fc.boolean() }),
        fc.record({ width: fc.nat(4), height: fc.nat(4), fit: fc.constantFrom('contain', 'cover', 'fill') }),
        fc.constantFrom(0, 2, 6),
        // White adds up to most.
        fc.oneof(fc.constant(undefined), fc.integer({ min: 1, max: 1e6 })),
        async ({ long, short, isTall }, { width, height, fit }, colorType, seed) => {
          const settings = preprocessingSchema.parse({ width: width + 1, height: height + 1, fit });
          const options = {
            width: isTall ? short : long,
            height: isTall ? long : short,
            depth: 8,
            colorType,
          };
          const length = options.height * strideOf(options);
          const rows = seed ? bytesOf(length, seed, false) : new Uint8Array(length).fill(255);
          await expectEqual(encodePngFile(options, rows), settings);
        },
      ),
      { numRuns: 40 * TIMES },
    );
  });

  it('that takes long, to decode or to resample, is left to the threads of the general decoder', () => {
    const file = (side: number) =>
      encodePngFile({ width: side, height: side, depth: 8, colorType: 2 }, new Uint8Array(3 * side * side));
    const small = preprocessingSchema.parse({});
    expect(plain(file(2200), small)).toBeDefined();
    expect(plain(file(2400), small)).toBeUndefined();
    expect(plain(file(600), { ...small, width: 1200, height: 1200 })).toBeUndefined();
  });

  it('of too many or too few pixels is refused before it is decoded', async () => {
    const settings = preprocessingSchema.parse({});
    const code = (width: number, height: number) =>
      preprocessImage(
        encodePngFile({ width, height, depth: 8, colorType: 0 }, new Uint8Array(width * height)),
        settings,
        { maxPixels: 1000 },
      ).then(
        () => 'none',
        (error) => error.code,
      );
    expect(await code(40, 25)).toBe('none');
    expect(await code(40, 26)).toBe('ROBLE_IMAGE_TOO_LARGE');
    expect(await code(1, 26)).toBe('ROBLE_IMAGE_TOO_SMALL');
  });
});

describe('raw pixels', () => {
  it('of any channels, size and fit become those of the general decoder', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({ ...size, channels: fc.constantFrom(1 as const, 2 as const, 3 as const, 4 as const) }),
        fc.integer({ min: 1, max: 1e6 }),
        fc.boolean(),
        anyPreprocessing,
        async (shape, seed, isSmooth, settings) => {
          const pixels = bytesOf(shape.width * shape.height * shape.channels, seed, isSmooth);
          const plain = pixelsToModel(pixels, shape, settings);
          const reference = await convertPixels(pixels, shape, settings);
          if (plain) expect(Buffer.from(plain.pixels).equals(reference.pixels)).toBe(true);
        },
      ),
      { numRuns: 100 * TIMES },
    );
  });
});
