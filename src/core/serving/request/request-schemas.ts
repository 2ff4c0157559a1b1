import { z } from 'zod';

/** What an answer holds only on request. */
export const INCLUSIONS = ['input'] as const;
export type Inclusion = (typeof INCLUSIONS)[number];

const topK = z.int().gte(1).optional().describe('Classes in the answer; by default serve.topK.');
const include = z
  .array(z.enum(INCLUSIONS))
  .optional()
  .describe('What the answer shall hold besides: "input" is what the model saw.');

/** A query is text: numbers are digits, and the inclusions may be one text, divided by commas. */
export const predictQuerySchema = z.strictObject({
  topK: z.preprocess((text) => (/^\d+$/.test(String(text)) ? Number(text) : text), topK),
  include: z.preprocess((value) => (typeof value === 'string' ? value.split(',') : value), include),
  model: z.string().optional().describe('Name of the model, where the server has several.'),
  version: z.string().optional().describe('One of the versions that are loaded.'),
});

/** What fields of a form say besides its images, in texts as in a query. */
export const formFieldsSchema = predictQuerySchema.pick({ topK: true, include: true });

/**
 * What follows is checked by hand, which is faster than a schema library and tells more; for those who write requests it
 * says what these checks let through.
 */
const list = (items: object, bounds: object = {}) => ({ type: 'array', minItems: 1, items, ...bounds });
const pixel = { type: 'number', minimum: 0, maximum: 255 };
const colour = (channels: number) => list(pixel, { minItems: channels, maxItems: channels });
/** A smaller one shows nothing. */
const picture = (items: object, bounds: object) =>
  list(list(items, { minItems: 2 }), { minItems: 2, ...bounds });

/** Numbers of the scale 0..1, told by having none above 1 and a fraction somewhere. */
const unitRange = (depth: number): object => ({ allOf: [noneAboveOne(depth), someFraction(depth)] });
const noneAboveOne = (depth: number): object =>
  depth === 0 ? { maximum: 1 } : { items: noneAboveOne(depth - 1) };
const someFraction = (depth: number): object =>
  depth === 0
    ? { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 }
    : { type: 'array', contains: someFraction(depth - 1) };

const SPACE = '[ \\t\\r\\n]*';
const LETTER = `([A-Za-z0-9+/_-]${SPACE})`;
/** Base64, standard or for URLs, with or without line breaks, or a data URL that holds it; of whole bytes, one at least. */
const ENCODED = `^([dD][aA][tT][aA]:[^,]*;[bB][aA][sS][eE]64,)?${SPACE}(${LETTER}{4})*${LETTER}{2,4}(=${SPACE}){0,2}$`;

const image = z
  .string()
  .meta({ description: 'An encoded picture as base64, or a data URL that holds it.', pattern: ENCODED });
const pixels = z.array(z.unknown()).meta({
  description:
    'Numbers of the scale 0..255 (not 0..1): flat in the shape of the model, [height][width], or [height][width][channels].',
  type: undefined,
  items: undefined,
  anyOf: [
    list(pixel, { not: unitRange(1) }),
    picture(pixel, { not: unitRange(2) }),
    ...[1, 3, 4].map((channels) => picture(colour(channels), { not: unitRange(3) })),
  ],
});
const point = { type: 'array', minItems: 2, maxItems: 2, items: { type: 'number' } };
export const drawingSchema = z.record(z.string(), z.unknown()).meta({
  description: 'Strokes as lists of points [x, y] in any units, y down.',
  propertyNames: undefined,
  properties: {
    strokes: { type: 'array', items: { type: 'array', items: point }, contains: list(point) },
    unit: { type: 'number', minimum: 0, description: 'Usual size of a character by the same hand.' },
  },
  required: ['strokes'],
  additionalProperties: false,
});

/** The forms of one picture in JSON, by the key that holds it. */
export const IMAGE_FORMS = { image, pixels, drawing: drawingSchema };
const settings = { topK, include };

/** The JSON bodies of `POST /predict`, by the key that tells them apart. */
export const PREDICT_REQUESTS = {
  image: z.strictObject({ image, ...settings }),
  pixels: z.strictObject({ pixels, ...settings }),
  drawing: z.strictObject({ drawing: drawingSchema, ...settings }),
};
export const predictRequestSchema = z.union(Object.values(PREDICT_REQUESTS));

/** The JSON bodies of `POST /predict/batch`, by the key that tells them apart. A picture at fault is told so in its place. */
export const BATCH_REQUESTS = {
  images: z.strictObject({
    images: z.array(z.string()).min(1).describe('Encoded pictures as base64, or data URLs.'),
    ...settings,
  }),
  pixels: z.strictObject({
    pixels: z.array(z.unknown()).min(1).describe('A list of pictures as numbers.'),
    ...settings,
  }),
  drawings: z.strictObject({
    drawings: z.array(z.record(z.string(), z.unknown())).min(1).describe('A list of drawings.'),
    ...settings,
  }),
};
export const batchRequestSchema = z.union(Object.values(BATCH_REQUESTS));
