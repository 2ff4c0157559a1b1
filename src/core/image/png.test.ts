import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { encodePlainPng } from './png.js';

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

describe('encodePlainPng', () => {
  it('writes what the general decoder reads', async () => {
    await fc.assert(
      fc.asyncProperty(picture, async ({ shape, pixels }) => {
        const general = await sharp(encodePlainPng(pixels, shape), { failOn: 'warning' }).raw().toBuffer();
        // It makes three channels of one.
        const kept = general.filter(
          (_, i) => i % (general.length / pixels.length) < 1 || shape.channels === 3,
        );
        expect(Buffer.from(kept).equals(pixels)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });
});
