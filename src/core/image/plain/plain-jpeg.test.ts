/** Plain JPEGs against the general decoder, which is the reference: the same pixels, bit for bit, or left to it. */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { AC, type Codes, encodeJpegFile, type JpegOptions } from '../../../../test/support/jpeg-file.js';
import {
  anyPreprocessing,
  bytesOf,
  expectEqual,
  general,
  plain,
  TIMES,
} from '../../../../test/support/plain-picture.js';
import { preprocessingSchema } from '../settings.js';
import { type JpegHeader, readJpegHeader } from './jpeg-header.js';
import { type BlockSize, decodeScan } from './jpeg-scan.js';
import { readPlainPicture } from './plain-picture.js';
import { clearedWorkspace } from './workspace.js';

/** Numbers from 0 to 1, the same for a seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) / 2 ** 24;
  };
}

/** Blocks of few or many coefficients, small ones at high frequencies. */
function blocksOf(seed: number, density: number, step: number): JpegOptions['block'] {
  const random = randomOf(seed);
  return () =>
    Array.from({ length: 64 }, (_, k) => {
      if (k === 0) return Math.round(((random() - 0.5) * 1200) / step);
      return random() < density ? Math.round(((random() - 0.5) * 400) / (k + 3) / Math.sqrt(step)) : 0;
    });
}

/**
 * Any codes for the same symbols: of much the same length, or some of a bit or two, and the others long.
 *
 * @param skew 0 to 1: how much more often the shortest codes stay than are made longer
 */
function codesOf(seed: number, skew: number): Codes {
  const random = randomOf(seed);
  const symbols = [...AC.symbols].map((symbol) => ({ symbol, place: random() }));
  symbols.sort((a, b) => a.place - b.place);
  // The longest of all, of ones only, stands for nothing.
  const lengths = [0];
  while (lengths.length <= symbols.length) {
    const longer = lengths.filter((length) => length < 16);
    const length = longer[Math.floor(random() ** (1 - skew) * longer.length)]!;
    lengths.splice(lengths.indexOf(length), 1);
    lengths.push(length + 1, length + 1);
    lengths.sort((a, b) => a - b);
  }
  lengths.pop();
  return {
    counts: Array.from({ length: 16 }, (_, i) => lengths.filter((length) => length === i + 1).length),
    symbols: symbols.map(({ symbol }) => symbol),
  };
}

const jpeg = fc
  .record({
    width: fc.integer({ min: 2, max: 160 }),
    height: fc.integer({ min: 2, max: 160 }),
    sampling: fc.constantFrom<JpegOptions['sampling'][]>(undefined, [1, 1], [2, 1], [1, 2], [2, 2]),
    restartInterval: fc.constantFrom(0, 0, 1, 2, 7),
    orientation: fc.integer({ min: 1, max: 8 }),
    step: fc.constantFrom(1, 3, 12, 40),
    seed: fc.integer({ min: 1, max: 1e6 }),
    density: fc.constantFrom(0, 0.05, 0.3, 1),
  })
  .map(({ seed, density, ...options }) =>
    encodeJpegFile({ ...options, block: blocksOf(seed, density, options.step) }),
  );

/** The samples of each component, in blocks of some size; undefined where the data are damaged. */
function planesOf(file: Buffer, header: JpegHeader, size: BlockSize): Plane[] | undefined {
  const space = clearedWorkspace();
  const sizes = header.components.map(() => size);
  const planes = decodeScan(space, file, header, sizes);
  return planes?.map(({ at, width, height }) => ({
    width,
    samples: Buffer.from(space.bytes(at, width * height)),
  }));
}

interface Plane {
  readonly width: number;
  readonly samples: Buffer;
}

/** A plane with each sample several times, across and down. */
function enlarged({ width, samples }: Plane, times: number): Plane {
  const wide = width * times;
  const result = Buffer.alloc(samples.length * times ** 2);
  for (let i = 0; i < result.length; i++) {
    const [x, y] = [Math.floor((i % wide) / times), Math.floor(i / (wide * times))];
    result[i] = samples[y * width + x]!;
  }
  return { width: wide, samples: result };
}

describe('a plain JPEG', () => {
  it('of any sampling, restarts, orientation, size and fit gives the pixels of the general decoder', async () => {
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(jpeg, anyPreprocessing, async (file, preprocessing) => {
        if (await expectEqual(file, preprocessing)) taken += 1;
      }),
      { numRuns: 150 * TIMES },
    );
    // The others are enlarged along one side and reduced along the other, or mirrored and cut.
    expect(taken).toBeGreaterThan(120 * TIMES);
  });

  it('of any quality gives the pixels of the general decoder', async () => {
    const encoded = fc.record({
      width: fc.integer({ min: 2, max: 300 }),
      height: fc.integer({ min: 2, max: 300 }),
      quality: fc.integer({ min: 1, max: 100 }),
      chromaSubsampling: fc.constantFrom('4:2:0', '4:4:4'),
      optimiseCoding: fc.boolean(),
      channels: fc.constantFrom(1 as const, 3 as const),
      isSmooth: fc.boolean(),
      seed: fc.integer({ min: 1, max: 1e6 }),
    });
    await fc.assert(
      fc.asyncProperty(encoded, anyPreprocessing, async ({ isSmooth, seed, ...options }, preprocessing) => {
        const { width, height, channels } = options;
        const pixels = bytesOf(width * height * channels, seed, isSmooth);
        const file = await sharp(pixels, { raw: { width, height, channels } })
          .toColourspace(channels === 1 ? 'b-w' : 'srgb')
          .jpeg(options)
          .toBuffer();
        await expectEqual(file, preprocessing);
      }),
      { numRuns: 50 * TIMES },
    );
  });

  it('of a photograph gives the pixels of the general decoder', async () => {
    const pixels = bytesOf(400 * 300 * 3, 9, false);
    const source = () => sharp(pixels, { raw: { width: 400, height: 300, channels: 3 } });
    for (const [width, chromaSubsampling] of [
      [4000, '4:2:0'],
      [2000, '4:4:4'],
      [640, '4:2:0'],
    ] as const) {
      const file = await source().resize(width).jpeg({ quality: 85, chromaSubsampling }).toBuffer();
      for (const side of [28, 64, 224])
        for (const channels of [1, 3]) {
          const preprocessing = preprocessingSchema.parse({ width: side, height: side, channels });
          const what = `${width} pixels to ${side}, ${channels} channels`;
          expect(await expectEqual(file, preprocessing), what).toBe(true);
        }
    }
  });

  it('of any codes, whole or damaged, has the same means where its other coefficients are passed over', () => {
    const coded = fc.record({
      width: fc.integer({ min: 1, max: 60 }),
      height: fc.integer({ min: 1, max: 60 }),
      sampling: fc.constantFrom<JpegOptions['sampling'][]>(undefined, [1, 1], [2, 1], [2, 2]),
      restartInterval: fc.constantFrom(0, 0, 1, 3),
      seed: fc.integer({ min: 1, max: 1e6 }),
      density: fc.constantFrom(0, 0.05, 0.3, 0.8, 1),
      skew: fc.constantFrom(0, 0.5, 0.9),
      damage: fc.option(fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), bit: fc.nat(7) })),
    });
    // All but the means are multiplied by zero.
    const step = [1, ...Array(63).fill(0)];
    let damaged = 0;
    fc.assert(
      fc.property(coded, ({ seed, density, skew, damage, ...options }) => {
        const codes = codesOf(seed, skew);
        const file = encodeJpegFile({ ...options, step, codes, block: blocksOf(seed, density, 1) });
        const header = readJpegHeader(file)!;
        if (damage) {
          const { scanStart } = header;
          file[scanStart + Math.floor(damage.at * (file.length - 3 - scanStart))]! ^= 1 << damage.bit;
        }
        const means = planesOf(file, header, 1);
        for (const size of [2, 4, 8] as const) {
          const expected = means?.map((plane) => enlarged(plane, size));
          expect(isDeepStrictEqual(planesOf(file, header, size), expected), `blocks of ${size}`).toBe(true);
        }
        if (!means) damaged += 1;
        expect(damage === null && means === undefined).toBe(false);
      }),
      { numRuns: 200 * TIMES },
    );
    expect(damaged).toBeGreaterThan(20 * TIMES);
  });

  it('is not one that is progressive, arithmetic, of four inks, with a profile, or with several pictures in it', async () => {
    const source = () =>
      sharp(bytesOf(16 * 16 * 3, 5, true), { raw: { width: 16, height: 16, channels: 3 } });
    const file = await source().jpeg().toBuffer();
    const withSegment = (...bytes: number[]) =>
      Buffer.concat([file.subarray(0, 2), Buffer.from([0xff, ...bytes]), file.subarray(2)]);
    const withFrame = (at: number, value: number, of = file) => {
      const changed = Buffer.from(of);
      changed[of.indexOf(Buffer.from([0xff, 0xc0])) + at] = value;
      return changed;
    };
    const grey = await source().toColourspace('b-w').jpeg().toBuffer();
    const files = {
      progressive: await source().jpeg({ progressive: true }).toBuffer(),
      inks: await source().toColourspace('cmyk').jpeg().toBuffer(),
      profile: await source().withIccProfile('p3').jpeg().toBuffer(),
      pictures: withSegment(0xe2, 0, 6, ...Buffer.from('MPF\0')),
      arithmetic: withFrame(1, 0xc9),
      lossless: withFrame(1, 0xc3),
      bits: withFrame(4, 12),
      thirds: withFrame(11, 0x33),
      fives: withFrame(11, 0x51, grey),
    };
    for (const [name, bytes] of Object.entries(files)) expect(readPlainPicture(bytes), name).toBeUndefined();
    expect(readPlainPicture(file)).toBeDefined();
    for (const marker of [0xe0, 0xe1, 0xe3, 0xed, 0xee, 0xef, 0xfe])
      expect(readPlainPicture(withSegment(marker, 0, 4, 1, 2)), String(marker)).toBeDefined();
  });

  it('with a byte changed or missing gives the pixels of the general decoder, or is left to it', async () => {
    const preprocessing = preprocessingSchema.parse({ width: 12, height: 12, channels: 3 });
    const options = { width: 30, height: 20, sampling: [2, 2], restartInterval: 2, step: 6 } as const;
    const file = encodeJpegFile({ ...options, block: blocksOf(3, 0.2, 6) });
    expect(plain(file, preprocessing)).toBeDefined();
    for (let at = 0; at < file.length; at += at < 20 ? 1 : 3) {
      expect(plain(file.subarray(0, at), preprocessing), `cut at ${at}`).toBeUndefined();
      const changed = Buffer.from(file);
      changed[at]! ^= 1 << (at % 8);
      const picture = plain(changed, preprocessing);
      if (!picture) continue;
      // It must not give pixels where the general decoder gives an error.
      const reference = await general(changed, preprocessing);
      expect(Buffer.from(picture.pixels).equals(reference.pixels), `byte ${at}`).toBe(true);
    }
  });
});
