/** An augmenter with memory: each of its instances counts the copies that it made, and draws the count. */
import { z } from 'zod';

export const plugin = {
  name: 'count',
  version: 1,
  description: 'Fills the picture with the number of the copy.',
  parameters: z.strictObject({}),
  create() {
    let count = 0;
    return {
      apply(_source, target) {
        target.data.fill(++count);
        return { count };
      },
    };
  },
};
