import { z } from 'zod';
import type {
  AugmenterFactory,
  AugmenterInstance,
  DrawnValues,
  ImageView,
  Random,
} from '../../core/plugin/index.js';
import { share } from './picture.js';

const parameters = z.strictObject({
  sigma: share(0.2, 0.03, 'Largest standard deviation, as a share of the shorter side.'),
});
type Parameters = z.output<typeof parameters>;

/** Blurs by a Gaussian, along the rows and then along the columns; beyond its border a picture goes on as it ends. */
export const plugin: AugmenterFactory<Parameters> = {
  name: 'blur',
  version: 1,
  description: 'Blurs the picture a little.',
  parameters,
  create: () => new Blur(),
};

/** Weights are whole numbers of 1/4096, so that two passes fit 32 bits. */
const WEIGHT_BITS = 12;

class Blur implements AugmenterInstance<Parameters> {
  /** `kernel[k]` is the weight of the pixels `k` away. */
  #kernel = new Int32Array(1);
  /** A row with its border repeated on both sides. */
  #padded = new Uint8Array(0);
  /** The picture after the first pass, in 1/256 of a grey level. */
  #between = new Uint16Array(0);

  apply(source: ImageView, target: ImageView, random: Random, limits: Parameters): DrawnValues {
    const sigma = limits.sigma * random.float();
    const radius = this.#prepareKernel(sigma * Math.min(source.width, source.height));
    this.#blurRows(source, radius);
    this.#blurColumns(target, radius);
    return { sigma };
  }

  /** Fills the kernel for a standard deviation in pixels, and gives its radius. */
  #prepareKernel(sigma: number): number {
    const radius = Math.ceil(2.5 * sigma);
    if (this.#kernel.length <= radius) this.#kernel = new Int32Array(radius + 1);
    const kernel = this.#kernel;
    let sum = 0;
    for (let k = 0; k <= radius; k++) sum += (k === 0 ? 1 : 2) * gaussian(k, sigma);
    let left = 1 << WEIGHT_BITS;
    for (let k = radius; k > 0; k--) {
      kernel[k] = ((gaussian(k, sigma) / sum) * (1 << WEIGHT_BITS) + 0.5) | 0;
      left -= 2 * kernel[k]!;
    }
    // All weights sum to 1, so that plain areas stay as they are.
    kernel[0] = left;
    return radius;
  }

  #blurRows({ width, height, channels, data }: ImageView, radius: number): void {
    const stride = width * channels;
    const border = radius * channels;
    if (this.#padded.length < stride + 2 * border) this.#padded = new Uint8Array(stride + 2 * border);
    if (this.#between.length < data.length) this.#between = new Uint16Array(data.length);
    const padded = this.#padded;
    for (let y = 0; y < height; y++) {
      const start = y * stride;
      for (let i = 0; i < border; i++) {
        padded[i] = data[start + (i % channels)]!;
        padded[border + stride + i] = data[start + stride - channels + (i % channels)]!;
      }
      for (let i = 0; i < stride; i++) padded[border + i] = data[start + i]!;
      this.#blurRow(start, stride, channels, radius);
    }
  }

  #blurRow(start: number, length: number, channels: number, radius: number): void {
    const from = this.#padded;
    const weights = this.#kernel;
    const out = this.#between;
    const step = channels | 0;
    const middle = Math.imul(radius, step);
    const weight = weights[0]! | 0;
    for (let i = 0; i < length; i++) {
      let left = (middle + i) | 0;
      let right = left;
      let sum = Math.imul(weight, from[left]!);
      for (let k = 1; k <= radius; k++) {
        left = (left - step) | 0;
        right = (right + step) | 0;
        sum = (sum + Math.imul(weights[k]!, from[left]! + from[right]!)) | 0;
      }
      out[(start + i) | 0] = sum >> (WEIGHT_BITS - 8);
    }
  }

  #blurColumns({ width, height, channels, data }: ImageView, radius: number): void {
    const from = this.#between;
    const weights = this.#kernel;
    const stride = Math.imul(width, channels);
    const last = Math.imul(height - 1, stride);
    const half = 1 << (WEIGHT_BITS + 7);
    const weight = weights[0]! | 0;
    const above = new Int32Array(radius + 1);
    const below = new Int32Array(radius + 1);
    for (let y = 0; y < height; y++) {
      const start = Math.imul(y, stride);
      for (let k = 1; k <= radius; k++) {
        above[k] = Math.max(0, start - k * stride);
        below[k] = Math.min(last, start + k * stride);
      }
      for (let i = 0; i < stride; i++) {
        let sum = Math.imul(weight, from[(start + i) | 0]!);
        for (let k = 1; k <= radius; k++) {
          const both = from[(above[k]! + i) | 0]! + from[(below[k]! + i) | 0]!;
          sum = (sum + Math.imul(weights[k]!, both)) | 0;
        }
        data[(start + i) | 0] = (sum + half) >> (WEIGHT_BITS + 8);
      }
    }
  }
}

const gaussian = (k: number, sigma: number): number =>
  k === 0 ? 1 : Math.exp((-k * k) / (2 * sigma * sigma));
