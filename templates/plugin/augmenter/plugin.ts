import { type Augmenter, z } from 'roble/plugin';

/** Each one has a default and bounds; they are what `parameters` of a step in roble.config.yaml may hold. */
const parameters = z.strictObject({
  strength: z.number().min(0).max(1).default(0.3).describe('Largest change of the light, as a share of white.'),
});
type Parameters = z.output<typeof parameters>;

/** Uneven light: the picture becomes lighter on one side and darker on the other, along a line that is drawn for each copy. */
export const plugin: Augmenter<Parameters> = {
  name: '<%= it.name %>',
  // Raise it whenever the same input gives other pixels: it is in the lineage of every copy.
  version: 1,
  description: 'Lights the picture from one side.',
  parameters,

  apply(source, target, random, { strength }) {
    const { width, height, channels, data } = source;
    const angle = random.uniform(0, 2 * Math.PI);
    const amount = strength * random.float();
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const along = Math.cos(angle) * ((2 * x + 1) / width - 1) + Math.sin(angle) * ((2 * y + 1) / height - 1);
        for (let c = 0; c < channels; c++) {
          const i = (y * width + x) * channels + c;
          const value = Math.round(data[i] + 255 * amount * along);
          target.data[i] = Math.min(255, Math.max(0, value));
        }
      }
    return { angle, amount };
  },
};
