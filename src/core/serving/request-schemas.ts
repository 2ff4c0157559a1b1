import { z } from 'zod';

const topK = z.coerce
  .number()
  .int()
  .positive()
  .optional()
  .describe('Classes in the answer; by default serve.topK.');
const drawing = z
  .record(z.string(), z.unknown())
  .describe('{ "strokes": [[[x, y], ...], ...], "unit": 100 }, where "unit" may be left out.');

export const predictQuerySchema = z.strictObject({ topK });

/** The JSON body of `POST /predict`: exactly one of the forms of a picture. */
export const predictRequestSchema = z.strictObject({
  image: z.string().optional().describe('An encoded picture as base64, or a data URL that holds it.'),
  pixels: z
    .array(z.unknown())
    .optional()
    .describe(
      'Numbers 0..255: [height][width], [height][width][channels], or flat in the shape of the model.',
    ),
  drawing: drawing.optional(),
  topK,
});

/** The JSON body of `POST /predict/batch`: exactly one of the forms. */
export const batchRequestSchema = z.strictObject({
  images: z.array(z.string()).optional().describe('Encoded pictures as base64, or data URLs.'),
  pixels: z.array(z.unknown()).optional().describe('A list of pictures as numbers.'),
  drawings: z.array(drawing).optional().describe('A list of drawings.'),
  topK,
});
