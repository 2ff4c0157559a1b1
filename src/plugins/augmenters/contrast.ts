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
  contrast: share(4, 0.25, 'Largest change of contrast about mid grey: 0.25 is from 1/1.25 to 1.25 times.'),
  brightness: share(
    1,
    0.04,
    'Largest amount added, as a share of the range from black to white, either way.',
  ),
  gamma: share(4, 0.3, 'Largest change of the exponent: 0.25 is from 1/1.25 to 1.25.'),
});
type Parameters = z.output<typeof parameters>;

/** Other light, other pens: gamma, then contrast, then brightness, by a table of the 256 values. */
export const plugin: AugmenterFactory<Parameters> = {
  name: 'contrast',
  version: 1,
  description: 'Changes contrast, brightness and gamma.',
  parameters,
  create: () => new Contrast(),
};

class Contrast implements AugmenterInstance<Parameters> {
  /** It rounds to nearest, and cuts what is below 0 and above 255. */
  readonly #table = new Uint8ClampedArray(256);

  apply(source: ImageView, target: ImageView, random: Random, limits: Parameters): DrawnValues {
    const contrast = (1 + limits.contrast) ** signed(random);
    const brightness = limits.brightness * signed(random);
    const gamma = (1 + limits.gamma) ** signed(random);
    const start = 127.5 * (1 - contrast) + 255 * brightness;
    const table = this.#table;
    for (let value = 1; value < 256; value++)
      table[value] = start + contrast * 255 * Math.exp(gamma * LOGARITHMS[value]!);
    table[0] = start;
    const [from, to] = [source.data, target.data];
    for (let i = 0; i < from.length; i++) to[i] = table[from[i]!]!;
    return { contrast, brightness, gamma };
  }
}

const signed = (random: Random): number => random.uniform(-1, 1);

/** Of each value as a share of 255: a power is an exponential then. */
const LOGARITHMS = Float64Array.from({ length: 256 }, (_, value) => Math.log(value / 255));
