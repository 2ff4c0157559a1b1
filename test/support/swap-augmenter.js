/** An augmenter that gives the partner instead of the picture. */
import { z } from 'zod';

export const plugin = {
  name: 'swap',
  version: 1,
  description: 'Gives the partner.',
  parameters: z.strictObject({}),
  needsPartner: true,
  apply(source, target, random, _parameters, partner = source) {
    target.data.set(partner.data);
    return { drawn: random.uint32() };
  },
};
