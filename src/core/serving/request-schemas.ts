import { z } from 'zod';

const topK = z.coerce
  .number()
  .int()
  .positive()
  .optional()
  .describe('Classes in the answer; by default serve.topK.');

/** What an answer holds only on request. */
export const INCLUSIONS = ['input'] as const;
const include = z
  .array(z.enum(INCLUSIONS))
  .default([])
  .describe('What the answer shall hold besides: "input" is what the model saw.');
export type Inclusion = (typeof INCLUSIONS)[number];

const drawing = z
  .record(z.string(), z.unknown())
  .describe('{ "strokes": [[[x, y], ...], ...], "unit": 100 }, where "unit" may be left out.');

/** In a query the inclusions are one text, divided by commas. */
export const predictQuerySchema = z.strictObject({
  topK,
  include: z.preprocess((value) => (typeof value === 'string' ? value.split(',') : value), include),
  model: z.string().optional().describe('Name of the model, where the server has several.'),
  version: z.string().optional().describe('One of the versions that are loaded.'),
});

/** What fields of a form say besides its images, in texts as in a query. */
export const formFieldsSchema = predictQuerySchema.pick({ topK: true, include: true });

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
  include,
});

/** The JSON body of `POST /predict/batch`: exactly one of the forms. */
export const batchRequestSchema = z.strictObject({
  images: z.array(z.string()).optional().describe('Encoded pictures as base64, or data URLs.'),
  pixels: z.array(z.unknown()).optional().describe('A list of pictures as numbers.'),
  drawings: z.array(drawing).optional().describe('A list of drawings.'),
  topK,
  include,
});
