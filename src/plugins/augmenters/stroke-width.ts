import { z } from 'zod';
import type {
  AugmenterFactory,
  AugmenterInstance,
  DrawnValues,
  ImageView,
  Random,
} from '../../core/plugin/index.js';
import { type Box, background, growBox, inkBox, share } from './picture.js';

const parameters = z.strictObject({
  thicker: share(0.2, 0.03, 'Most that a line gains on each of its sides, as a share of the picture.'),
  thinner: share(0.2, 0.015, 'Most that a line loses on each of its sides, as a share of the picture.'),
  background,
});
type Parameters = z.output<typeof parameters>;

/**
 * Grey-level dilation and erosion (Serra, "Image Analysis and Mathematical Morphology", 1982), pixel by pixel; a part
 * of a pixel is a blend of two whole steps. Steps take a cross and a square in turn, which together are an octagon.
 */
export const plugin: AugmenterFactory<Parameters> = {
  name: 'stroke-width',
  version: 1,
  description: 'Makes lines thicker or thinner.',
  parameters,
  create: () => new StrokeWidth(),
};

class StrokeWidth implements AugmenterInstance<Parameters> {
  /** A part of the picture, with a border of 0 on every side. */
  #padded = new Uint8Array(0);

  apply(source: ImageView, target: ImageView, random: Random, limits: Parameters): DrawnValues {
    const { thicker, thinner, background: paper } = limits;
    const change = random.uniform(-thinner, thicker);
    const pixels = Math.abs(change) * Math.min(source.width, source.height);
    // Paper that is bright has dark ink, which grows where light shrinks.
    const grows = change > 0 === paper < 128;
    this.#spread(source, target, pixels, grows ? 0 : 255, paper);
    return { change };
  }

  /** Spreads the light (`flip` 0) or the dark (`flip` 255) by a number of pixels, whole or not. */
  #spread(source: ImageView, target: ImageView, pixels: number, flip: number, paper: number): void {
    target.data.set(source.data);
    const touched = growBox(inkBox(source, paper), pixels + 1, pixels + 1, target);
    for (let step = 0; step < pixels; step++) {
      const weight = Math.min(256, ((pixels - step) * 256 + 0.5) | 0);
      this.#pad(target, touched, flip);
      this.#spreadOnce(target, touched, weight, step % 2 === 1, flip);
    }
  }

  /** Copies the part of the picture, or of its negative. The border is never the largest: 0 adds nothing. */
  #pad({ width, channels, data }: ImageView, { left, top, right, bottom }: Box, flip: number): void {
    const length = Math.imul(right - left, channels);
    const stride = (length + 2 * channels) | 0;
    const size = Math.imul(stride, bottom - top + 2);
    if (this.#padded.length < size) this.#padded = new Uint8Array(size);
    const out = this.#padded;
    out.fill(0, 0, size);
    for (let y = top; y < bottom; y++) {
      const from = Math.imul(Math.imul(y, width) + left, channels);
      const to = (Math.imul(y - top + 1, stride) + channels) | 0;
      for (let i = 0; i < length; i++) out[(to + i) | 0] = data[(from + i) | 0]! ^ flip;
    }
  }

  /** Blends `weight` / 256 of the largest of a value and its four, or with `corners` eight, neighbours into it. */
  #spreadOnce(
    { width, channels, data }: ImageView,
    { left, top, right, bottom }: Box,
    weight: number,
    corners: boolean,
    flip: number,
  ): void {
    const from = this.#padded;
    const step = channels | 0;
    const length = Math.imul(right - left, step);
    const stride = (length + 2 * step) | 0;
    for (let y = top; y < bottom; y++) {
      const start = Math.imul(Math.imul(y, width) + left, step);
      const first = (Math.imul(y - top + 1, stride) + step) | 0;
      for (let x = 0; x < length; x++) {
        const i = (first + x) | 0;
        const above = (i - stride) | 0;
        const below = (i + stride) | 0;
        const value = from[i]!;
        let most = larger(value, from[(i - step) | 0]!);
        most = larger(most, from[(i + step) | 0]!);
        most = larger(most, from[above]!);
        most = larger(most, from[below]!);
        if (corners) {
          most = larger(most, from[(above - step) | 0]!);
          most = larger(most, from[(above + step) | 0]!);
          most = larger(most, from[(below - step) | 0]!);
          most = larger(most, from[(below + step) | 0]!);
        }
        data[(start + x) | 0] = (value + ((Math.imul(most - value, weight) + 128) >> 8)) ^ flip;
      }
    }
  }
}

/** Of two bytes; their difference is negative where the second is larger. */
const larger = (a: number, b: number): number => a - ((a - b) & ((a - b) >> 31));
