import { z } from 'zod';
import type { Augmenter, ImageView, Random } from '../../core/plugin/index.js';
import { share } from './picture.js';

const parameters = z.strictObject({
  gaussian: share(1, 0.06, 'Largest standard deviation, as a share of the range from black to white.'),
  saltPepper: share(1, 0.01, 'Largest share of the pixels that turn black or white.'),
});
type Parameters = z.output<typeof parameters>;

/** Noise of a sensor (on each value) and of a bad line (on whole pixels). */
export const plugin: Augmenter<Parameters> = {
  name: 'noise',
  version: 1,
  description: 'Adds Gaussian noise, and black and white pixels.',
  parameters,
  apply(source, target, random, limits) {
    const gaussian = limits.gaussian * random.float();
    const saltPepper = limits.saltPepper * random.float();
    if (gaussian > 0) addGaussian(source.data, target.data, random, gaussian);
    else target.data.set(source.data);
    addSaltAndPepper(target, random, saltPepper);
    return { gaussian, saltPepper };
  },
};

const QUANTILES = normalQuantiles();

/**
 * In each of 256 equal shares of the standard normal distribution its middle, in 1/256: a random byte picks one, which
 * is exact enough for values of 8 bits and takes a quarter of a random word.
 */
function normalQuantiles(): Int16Array {
  const quantiles = new Int16Array(256);
  const step = 1 / 2048;
  let passed = 0;
  for (let i = 0, z = 0; i < 128; z += step) {
    passed += (step * Math.exp(-((z + step / 2) ** 2) / 2)) / Math.sqrt(2 * Math.PI);
    if (passed < (i + 0.5) / 256) continue;
    quantiles[128 + i] = Math.round(256 * z);
    quantiles[127 - i] = -Math.round(256 * z);
    i++;
  }
  return quantiles;
}

/** Four values take one word of xorshift32 (Marsaglia, 2003), begun with a random word: so much noise needs no more. */
function addGaussian(from: Uint8Array, to: Uint8Array, random: Random, deviation: number): void {
  const scale = (deviation * 255 * 256 + 0.5) | 0;
  let state = random.uint32() | 1;
  let bytes = 0;
  for (let i = 0; i < from.length; i++) {
    if ((i & 3) === 0) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      bytes = state;
    }
    const value = from[i]! + ((QUANTILES[bytes & 255]! * scale + 32768) >> 16);
    to[i] = Math.max(0, Math.min(255, value));
    bytes >>>= 8;
  }
}

function addSaltAndPepper(target: ImageView, random: Random, density: number): void {
  const { width, height, channels, data } = target;
  const pixels = width * height;
  const count = (density * pixels + 0.5) | 0;
  for (let n = 0; n < count; n++) {
    const place = random.integer(2 * pixels);
    const start = (place >> 1) * channels;
    data.fill(place & 1 ? 255 : 0, start, start + channels);
  }
}
