import { z } from 'zod';
import { type Augmenter, symmetricBeta } from '../../core/plugin/index.js';
import { share } from './picture.js';

const parameters = z.strictObject({
  alpha: z
    .number()
    .positive()
    .max(100)
    .default(0.4)
    .describe('Of Beta(alpha, alpha): a small one blends most pictures little, a large one evenly.'),
  share: share(0.5, 0.35, 'Most that the other picture counts.'),
});
type Parameters = z.output<typeof parameters>;

/**
 * Blends the picture with another of its class: mixup of Zhang, Cisse, Dauphin and Lopez-Paz (ICLR 2018) with one
 * label. The smaller of the two shares is the other picture's, scaled to at most `share`, so that the class stays
 * visible.
 */
export const plugin: Augmenter<Parameters> = {
  name: 'mixup',
  version: 1,
  description: 'Blends with another picture of the same class.',
  parameters,
  needsPartner: true,
  apply(source, target, random, { alpha, share: most }, partner = source) {
    const blend = symmetricBeta(random, alpha);
    const other = 2 * most * Math.min(blend, 1 - blend);
    const weight = (other * 256 + 0.5) | 0;
    const [from, second, out] = [source.data, partner.data, target.data];
    for (let i = 0; i < from.length; i++) out[i] = from[i]! + (((second[i]! - from[i]!) * weight + 128) >> 8);
    return { share: weight / 256 };
  },
};
