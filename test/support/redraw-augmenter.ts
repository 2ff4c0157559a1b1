/** An augmenter that needs strokes: it fills the picture with how many there are. */
import { z } from 'zod';
import { type Augmenter, PenDrawing } from '../../src/core/plugin/index.js';

export const plugin: Augmenter = {
  name: 'redraw',
  version: 1,
  description: 'Gives the number of strokes.',
  parameters: z.strictObject({}),
  needsStrokes: true,
  apply(source, target) {
    const { strokes } = new PenDrawing().unpack(source.strokes!, source);
    target.data.fill(strokes);
    return { strokes };
  },
};
