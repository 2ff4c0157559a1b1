import { describe, expect, it } from 'vitest';
import { createAugmenter } from '../../core/data/augment/steps.js';
import { type Augmenter, type AugmenterFactory, drawSegment, Random } from '../../core/plugin/index.js';
import { plugin as blur } from './blur.js';
import { plugin as elastic } from './elastic.js';
import { plugin as noise } from './noise.js';
import { plugin as occlusion } from './occlusion.js';
import { plugin as strokeWidth } from './stroke-width.js';

const SIDE = 28;
/** A cross in the middle, of 2.2 pixels. */
const cross = () => {
  const data = new Uint8Array(SIDE * SIDE);
  const canvas = { width: SIDE, height: SIDE, lineWidth: 2.2 };
  drawSegment(data, canvas, 8, 14, 20, 14);
  drawSegment(data, canvas, 14, 8, 14, 20);
  return { width: SIDE, height: SIDE, channels: 1, data };
};
/** By how much a pixel of one picture is more than that of another at most; 0 where none is. */
const mostAbove = (data: Uint8Array, other: Uint8Array) =>
  data.reduce((most, value, i) => Math.max(most, value - other[i]!), 0);
const sum = (data: Uint8Array) => data.reduce((a, b) => a + b, 0);

function copies<P>(plugin: Augmenter<P> | AugmenterFactory<P>, given: object, count = 100) {
  const augmenter = createAugmenter(plugin);
  const source = cross();
  return Array.from({ length: count }, (_, seed) => {
    const target = { ...source, data: new Uint8Array(source.data.length) };
    const values = augmenter.apply(
      source,
      target,
      new Random(seed, 'augment'),
      augmenter.parameters.parse(given),
    );
    return { data: target.data, values };
  });
}

describe('ink', () => {
  it('is kept by blur, to rounding', () => {
    for (const { data } of copies(blur, { sigma: 0.06 }))
      expect(Math.abs(sum(data) / sum(cross().data) - 1)).toBeLessThan(0.03);
  });

  it('is kept by elastic displacements on average, and nearly in each copy', () => {
    const ratios = copies(elastic, { alpha: 0.12 }).map(({ data }) => sum(data) / sum(cross().data));
    expect(Math.abs(ratios.reduce((a, b) => a + b) / ratios.length - 1)).toBeLessThan(0.05);
    for (const ratio of ratios) expect(Math.abs(ratio - 1)).toBeLessThan(0.5);
  });

  it('grows at every place where lines get thicker, and shrinks at every place where they get thinner', () => {
    const source = cross().data;
    for (const { data, values } of copies(strokeWidth, { thicker: 0.08, thinner: 0.08 }))
      expect(values.change! > 0 ? mostAbove(source, data) : mostAbove(data, source)).toBe(0);
  });

  it('gains as much width as the change says, on both sides of a line', () => {
    for (const { data, values } of copies(strokeWidth, { thicker: 0.08, thinner: 0 })) {
      // Down the left arm of the cross, in pixels.
      const width = Array.from({ length: SIDE }, (_, y) => data[y * SIDE + 9]!).reduce((a, b) => a + b) / 255;
      // The line covers 2.2 pixels; a pixel that it half covers is spread as if it were thicker, by up to one each side.
      expect(width).toBeGreaterThan(2.2 + 2 * values.change! * SIDE - 1);
      expect(width).toBeLessThan(2.2 + 2 * values.change! * SIDE + 1);
    }
  });

  it('is only taken by occlusion', () => {
    const source = cross().data;
    const made = copies(occlusion, {});
    for (const { data } of made) expect(mostAbove(data, source)).toBe(0);
    // A rectangle or a line that misses the cross altogether is rare.
    expect(made.filter(({ data }) => sum(data) < sum(source)).length).toBeGreaterThan(60);
  });
});

describe('noise', () => {
  it('has the deviation that it drew, and no mean', () => {
    const source = { width: 100, height: 100, channels: 1, data: new Uint8Array(10_000).fill(128) };
    const target = { ...source, data: new Uint8Array(10_000) };
    const { gaussian } = noise.apply(source, target, new Random(1, 'augment'), {
      gaussian: 0.1,
      saltPepper: 0,
    });
    const mean = sum(target.data) / 10_000 - 128;
    const deviation = Math.sqrt(target.data.reduce((a, b) => a + (b - 128 - mean) ** 2, 0) / 10_000);
    // Five standard deviations of the estimates: 5 % and 3.5 % of the deviation.
    expect(Math.abs(mean)).toBeLessThan(0.05 * gaussian! * 255 + 0.1);
    expect(Math.abs(deviation / (gaussian! * 255) - 1)).toBeLessThan(0.05);
  });

  it('turns about as many pixels black or white as it drew', () => {
    const source = { width: 100, height: 100, channels: 3, data: new Uint8Array(30_000).fill(128) };
    const target = { ...source, data: new Uint8Array(30_000) };
    const { saltPepper } = noise.apply(source, target, new Random(1, 'augment'), {
      gaussian: 0,
      saltPepper: 0.2,
    });
    const pixels = Array.from({ length: 10_000 }, (_, i) => target.data.subarray(3 * i, 3 * i + 3).join());
    expect(new Set(pixels)).toEqual(new Set(['128,128,128', '0,0,0', '255,255,255']));
    const changed = pixels.filter((pixel) => pixel !== '128,128,128').length;
    // Some are hit twice: at most a fifth here.
    expect(changed).toBeLessThanOrEqual(saltPepper! * 10_000 + 1);
    expect(changed).toBeGreaterThan(0.8 * saltPepper! * 10_000);
  });
});
