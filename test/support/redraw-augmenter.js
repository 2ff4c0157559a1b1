/** An augmenter that needs strokes: it fills the picture with how many there are. */
import { PenDrawing } from 'roble/plugin';
import { z } from 'zod';

export const plugin = {
  name: 'redraw',
  version: 1,
  description: 'Gives the number of strokes.',
  parameters: z.strictObject({}),
  needsStrokes: true,
  apply(source, target) {
    const { strokes } = new PenDrawing().unpack(source.strokes, source);
    target.data.fill(strokes);
    return { strokes };
  },
};
