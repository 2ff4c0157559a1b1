import { z } from 'roble/plugin';

/** Values between the background and the ink, as a share of the way to the ink. */
const parameters = z.strictObject({
  background: z.int().min(0).max(255).default(0),
  spacing: z
    .number()
    .min(0.05)
    .max(1)
    .default(0.25)
    .describe('Distance of the lines, in heights of the picture.'),
  strength: z.number().min(0).max(1).default(0.3).describe('Darkness of the lines, in shares of the ink.'),
  grain: z.number().min(0).max(0.2).default(0.02).describe('Roughness of the paper, in shares of the ink.'),
});

/**
 * Ruled paper behind writing: lines at a height that is drawn for each copy, and some grain. The ink stays as it is where it
 * is darker than the paper.
 *
 * @type {import('roble/plugin').Augmenter<import('zod').output<typeof parameters>>}
 */
export const plugin = {
  name: 'ruled-lines',
  version: 1,
  description: 'Draws the lines and the grain of ruled paper behind the ink.',
  parameters,

  apply(source, target, random, { background, spacing, strength, grain }) {
    const { width, height, channels, data } = source;
    const towardsInk = background < 128 ? 1 : -1;
    const distance = Math.max(2, Math.round(spacing * height));
    const first = Math.floor(random.float() * distance);
    const dark = strength * random.float();
    for (let y = 0; y < height; y++) {
      const line = y % distance === first ? dark : 0;
      for (let x = 0; x < width; x++) {
        const paper = background + towardsInk * 255 * (line + grain * random.float());
        for (let c = 0; c < channels; c++) {
          const i = (y * width + x) * channels + c;
          const darkest = towardsInk > 0 ? Math.max(data[i], paper) : Math.min(data[i], paper);
          target.data[i] = Math.min(255, Math.max(0, Math.round(darkest)));
        }
      }
    }
    return { first, dark };
  },
};
