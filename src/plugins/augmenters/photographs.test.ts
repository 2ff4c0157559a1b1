import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mostApart } from '../../../test/support/most-apart.js';
import { createAugmenter } from '../../core/data/augment/steps.js';
import { type Augmenter, type AugmenterFactory, type ImageView, Random } from '../../core/plugin/index.js';
import { plugin as colourJitter } from './colour-jitter.js';
import { plugin as flip } from './flip.js';
import { plugin as randomCrop } from './random-crop.js';

const anyPhotograph: fc.Arbitrary<ImageView> = fc
  .record({
    width: fc.integer({ min: 1, max: 30 }),
    height: fc.integer({ min: 1, max: 30 }),
    channels: fc.constantFrom(1, 3),
    seed: fc.nat(),
  })
  .map(({ width, height, channels, seed }) => {
    const random = new Random(seed, 'synthesize');
    const data = new Uint8Array(width * height * channels).map(() => random.integer(256));
    return { width, height, channels, data };
  });

function change<P>(
  plugin: Augmenter<P> | AugmenterFactory<P>,
  source: ImageView,
  seed: number,
  given: object,
) {
  const augmenter = createAugmenter(plugin);
  const target = { ...source, data: new Uint8Array(source.data.length) };
  const parameters = augmenter.parameters.parse(given);
  const values = augmenter.apply(source, target, new Random(seed, 'augment'), parameters);
  return { ...target, values };
}

const valueAt = ({ width, channels, data }: ImageView, x: number, y: number, c: number) =>
  data[(y * width + x) * channels + c]!;

describe('flip', () => {
  it.each([
    [{ horizontal: 1, vertical: 0 }, true, false],
    [{ horizontal: 0, vertical: 1 }, false, true],
    [{ horizontal: 1, vertical: 1 }, true, true],
  ])('mirrors each pixel whole, with %j', (given, isMirrored, isUpsideDown) => {
    fc.assert(
      fc.property(anyPhotograph, fc.nat(), (source, seed) => {
        const { width, height, channels } = source;
        const flipped = change(flip, source, seed, given);
        for (let y = 0; y < height; y++)
          for (let x = 0; x < width; x++)
            for (let c = 0; c < channels; c++)
              if (
                valueAt(flipped, isMirrored ? width - 1 - x : x, isUpsideDown ? height - 1 - y : y, c) !==
                valueAt(source, x, y, c)
              )
                return false;
        return true;
      }),
      { seed: 41 },
    );
  });

  it('mirrors the share that it is given', () => {
    const source = { width: 2, height: 1, channels: 1, data: Uint8Array.of(1, 2) };
    const mirrored = Array.from(
      { length: 1000 },
      (_, seed) => change(flip, source, seed, { horizontal: 0.3 }).values.horizontal!,
    ).reduce((a, b) => a + b, 0);
    // Five standard deviations of 14.5.
    expect(Math.abs(mirrored - 300)).toBeLessThan(73);
  });
});

/** A part of a picture, enlarged: bilinear in floating point, straight from its definition. */
function enlarged(source: ImageView, part: Record<string, number>): number[] {
  const { width, height, channels } = source;
  const clamp = (value: number, most: number) => Math.max(0, Math.min(most, value));
  const out: number[] = [];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const sx = clamp(part.left! * width + (x + 0.5) * part.width! - 0.5, width - 1);
      const sy = clamp(part.top! * height + (y + 0.5) * part.height! - 0.5, height - 1);
      const [x0, y0] = [Math.floor(sx), Math.floor(sy)];
      const [x1, y1] = [Math.min(width - 1, x0 + 1), Math.min(height - 1, y0 + 1)];
      const [fx, fy] = [sx - x0, sy - y0];
      for (let c = 0; c < channels; c++) {
        const upper = valueAt(source, x0, y0, c) * (1 - fx) + valueAt(source, x1, y0, c) * fx;
        const lower = valueAt(source, x0, y1, c) * (1 - fx) + valueAt(source, x1, y1, c) * fx;
        out.push(upper * (1 - fy) + lower * fy);
      }
    }
  return out;
}

describe('random-crop', () => {
  it('enlarges the part that it says, of the area and aspect that it is allowed', () => {
    const limits = fc.record({
      cut: fc.double({ min: 0, max: 0.95, noNaN: true }),
      aspect: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(anyPhotograph, fc.nat(), limits, (source, seed, given) => {
        const { values, data } = change(randomCrop, source, seed, given);
        const { left, top, width, height } = values as Record<string, number>;
        expect(left! >= 0 && top! >= 0 && left! + width! <= 1 + 1e-12 && top! + height! <= 1 + 1e-12).toBe(
          true,
        );
        expect(width! * height!).toBeGreaterThan(1 - given.cut - 1e-9);
        expect(Math.abs(Math.log(width! / height!))).toBeLessThan(Math.log(1 + given.aspect) + 1e-9);
        // Positions are in 1/256 of a pixel, half of which is half a level in each direction where neighbours are 255 apart.
        expect(mostApart(data, enlarged(source, values as Record<string, number>))).toBeLessThanOrEqual(1.6);
      }),
      { seed: 42, numRuns: 300 },
    );
  });

  it('draws areas uniformly, and no more often wide than high', () => {
    const source = { width: 2, height: 2, channels: 1, data: new Uint8Array(4) };
    const parts = Array.from(
      { length: 4000 },
      (_, seed) => change(randomCrop, source, seed, { cut: 0.8 }).values,
    );
    const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    // Uniform from 0.2 to 1: five standard deviations of the mean are 0.018.
    expect(Math.abs(mean(parts.map(({ width, height }) => width! * height!)) - 0.6)).toBeLessThan(0.018);
    expect(Math.abs(mean(parts.map(({ width, height }) => Number(width! > height!))) - 0.5)).toBeLessThan(
      0.04,
    );
  });
});

const STILL = { brightness: 0, contrast: 0, saturation: 0, hue: 0 };
const lumaOf = (r: number, g: number, b: number) => 0.299 * r + 0.587 * g + 0.114 * b;
const pixelOf = (r: number, g: number, b: number): ImageView => ({
  width: 1,
  height: 1,
  channels: 3,
  data: Uint8Array.of(r, g, b),
});
const level = fc.integer({ min: 0, max: 255 });

describe('colour-jitter', () => {
  it('brightens and changes contrast about the mean as its definition says, of grey and of colour', () => {
    fc.assert(
      fc.property(anyPhotograph, fc.nat(), (source, seed) => {
        const { values, data } = change(colourJitter, source, seed, {
          ...STILL,
          brightness: 0.5,
          contrast: 0.5,
        });
        const lumas = Array.from({ length: source.width * source.height }, (_, i) =>
          source.channels === 1
            ? source.data[i]!
            : lumaOf(source.data[3 * i]!, source.data[3 * i + 1]!, source.data[3 * i + 2]!),
        );
        const mean = lumas.reduce((a, b) => a + b, 0) / lumas.length;
        const expected = Array.from(source.data, (value) => {
          const lit = values.brightness! * (mean + values.contrast! * (value - mean));
          return Math.max(0, Math.min(255, lit));
        });
        // Weights are in 1/4096: three of them are off by 1.5/4096 of 255 at most, and the rest is rounding.
        expect(mostApart(data, expected)).toBeLessThanOrEqual(0.7);
      }),
      { seed: 43 },
    );
  });

  it('keeps greys grey, and the luma of every colour that is not cut', () => {
    fc.assert(
      fc.property(level, level, level, fc.nat(), (r, g, b, seed) => {
        const given = { ...STILL, saturation: 0.5, hue: 0.5 };
        expect([...change(colourJitter, pixelOf(g, g, g), seed, given).data]).toEqual([g, g, g]);
        const [r2, g2, b2] = change(colourJitter, pixelOf(r, g, b), seed, given).data as unknown as [
          number,
          number,
          number,
        ];
        fc.pre([r2, g2, b2].every((value) => value > 0 && value < 255));
        expect(Math.abs(lumaOf(r2, g2, b2) - lumaOf(r, g, b))).toBeLessThan(0.8);
      }),
      { seed: 44, numRuns: 400 },
    );
  });

  it('turns colours by the share of the circle that it says, in the plane of U and V', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 96, max: 160 }),
        fc.integer({ min: 96, max: 160 }),
        (seed, r, b) => {
          const { values, data } = change(colourJitter, pixelOf(r, 128, b), seed, { ...STILL, hue: 0.5 });
          const plane = ([red, green, blue]: ArrayLike<number> & Iterable<number>) => {
            const luma = lumaOf(red!, green!, blue!);
            return [(blue! - luma) / 1.772, (red! - luma) / 1.402] as const;
          };
          const [u, v] = plane([r, 128, b]);
          const [newU, newV] = plane(data);
          const [cos, sin] = [Math.cos(2 * Math.PI * values.hue!), Math.sin(2 * Math.PI * values.hue!)];
          expect(Math.hypot(newU - (cos * u - sin * v), newV - (sin * u + cos * v))).toBeLessThan(1.2);
        },
      ),
      { seed: 45 },
    );
  });

  it('cuts what is too bright, and does not begin again at black', () => {
    const white = change(colourJitter, pixelOf(255, 255, 255), 3, { ...STILL, brightness: 4 });
    const lit = Math.min(255, Math.round(255 * white.values.brightness!));
    expect([...white.data]).toEqual([lit, lit, lit]);
  });
});
