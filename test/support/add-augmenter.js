/** An augmenter whose result is known: for tests of what is done with it. */
import { z } from 'zod';

/** Adds a random amount to every value. */
export const plugin = {
  name: 'add',
  version: 3,
  description: 'Adds a random amount.',
  parameters: z.strictObject({
    most: z.number().min(0).max(100).default(100).describe('Largest amount.'),
    background: z.int().default(0).describe('Paper.'),
  }),
  apply(source, target, random, { most }) {
    const amount = Math.floor(most * random.float());
    for (let i = 0; i < source.data.length; i++) target.data[i] = source.data[i] + amount;
    return { amount };
  },
};
