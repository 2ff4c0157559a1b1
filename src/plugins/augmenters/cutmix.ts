import { z } from 'zod';
import type { Augmenter } from '../../core/plugin/index.js';
import { share } from './picture.js';

const parameters = z.strictObject({
  share: share(1, 0.25, 'Largest share of the area that is taken from the other picture.'),
});
type Parameters = z.output<typeof parameters>;

/**
 * Puts a rectangle of another picture of the class in its place: CutMix of Yun and others (ICCV 2019) with one label.
 * The rectangle has the shape of the picture, and its area is uniform.
 */
export const plugin: Augmenter<Parameters> = {
  name: 'cutmix',
  version: 1,
  description: 'Replaces a rectangle by that of another picture of the same class.',
  parameters,
  needsPartner: true,
  apply(source, target, random, { share: most }, partner = source) {
    const { width, height, channels } = source;
    const side = Math.sqrt(most * random.float());
    const sideX = (side * width + 0.5) | 0;
    const sideY = (side * height + 0.5) | 0;
    const left = random.integer(width - sideX + 1);
    const top = random.integer(height - sideY + 1);
    target.data.set(source.data);
    for (let y = top; y < top + sideY; y++) {
      const start = (y * width + left) * channels;
      const end = start + sideX * channels;
      for (let i = start; i < end; i++) target.data[i] = partner.data[i]!;
    }
    return { left, top, width: sideX, height: sideY };
  },
};
