import { z } from 'zod';
import { ERRORS, type ErrorCode, type Problem } from '../../base/errors.js';
import { DEFAULT_GRID, MAX_GRID } from '../../predict/heat-map.js';
import { REQUEST_ID } from './record.js';

const predictionSchema = z.object({ label: z.string(), probability: z.number().gte(0).lte(1) });

export const modelLabelSchema = z.object({
  name: z.string(),
  version: z.string(),
  digest: z.string().describe('SHA-256 that names the whole bundle.'),
});

/** Of one image. */
export const answerSchema = z.object({
  predictions: z.array(predictionSchema).describe('The most probable classes, best first.'),
  source: z
    .enum(['model', 'shared', 'memory', 'redis'])
    .describe('Computed for this request, together with an equal one, or kept from earlier.'),
  timings: z.object({
    decodeMs: z.number().gte(0),
    queueMs: z.number().gte(0).describe('Waiting for the model; 0 for an answer that was kept.'),
    inferenceMs: z.number().gte(0).describe('In the model; 0 for an answer that was kept.'),
    totalMs: z.number().gte(0).describe('All together, with the caches.'),
  }),
  input: z
    .object({
      width: z.int(),
      height: z.int(),
      channels: z.int(),
      pixels: z.string().describe('base64 of bytes, [height][width][channels]'),
    })
    .optional()
    .describe('What the model saw, where the request asks to include it.'),
});
export type Answer = z.output<typeof answerSchema>;

export const predictAnswerSchema = answerSchema.extend({ requestId: z.string(), model: modelLabelSchema });
export type PredictAnswer = z.output<typeof predictAnswerSchema>;

const severalProblems = z.array(
  z.object({
    path: z.string(),
    message: z.string(),
    suggestion: z.string().optional(),
    code: z.enum(Object.keys(ERRORS) as ErrorCode[]).optional(),
  }),
  // Of a type that takes what an error holds, which nobody may change.
) as unknown as z.ZodType<readonly Problem[]>;

/** An error answer in the form of RFC 9457. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int().gte(400).lte(599),
  detail: z.string().describe('What happened.'),
  code: z
    .string()
    .regex(/^ROBLE_[A-Z_]+$/)
    .describe('Stays the same between versions; docs/errors.md lists all.'),
  received: z.unknown().optional(),
  expected: z.string().optional(),
  problems: severalProblems.optional().describe('Where several things are wrong at once.'),
});

export const batchAnswerSchema = z.object({
  requestId: z.string(),
  results: z
    .array(z.union([answerSchema, z.object({ error: problemSchema })]))
    .describe('In the order of the images; where one is at fault, its error stands in its place.'),
  model: modelLabelSchema,
});
export type BatchAnswer = z.output<typeof batchAnswerSchema>;

const rowOfFalls = z.array(z.number().gte(-1).lte(1));
export const explainAnswerSchema = z.object({
  requestId: z.string(),
  class: z.string().describe('The class that is explained.'),
  probability: z.number().gte(0).lte(1).describe('Of that class, for the whole picture.'),
  rows: z.int().gte(1).lte(MAX_GRID),
  columns: z.int().gte(1).lte(MAX_GRID),
  falls: z
    .array(rowOfFalls)
    .describe(
      'By how much the probability falls when a place is covered: rows from the top, each from the left, over what the model sees.',
    ),
  images: z.int().gte(1).describe('Images that the model computed for this.'),
  timings: z.object({
    decodeMs: z.number().gte(0),
    totalMs: z.number().gte(0).describe('From the start of decoding to the answer.'),
  }),
  model: modelLabelSchema,
});
export type ExplainAnswer = z.output<typeof explainAnswerSchema>;

export const feedbackAnswerSchema = z.object({ stored: z.literal(true) });
export type FeedbackAnswer = z.output<typeof feedbackAnswerSchema>;

export const liveSchema = z.object({ status: z.literal('live') });
export const readySchema = z.object({ status: z.literal('ready') });

const milliseconds = z.number().gte(0);

const driftSchema = z.looseObject({
  psi: z.number().gte(0).describe('Population stability index: 0.1 is moderate, 0.25 large.'),
  psiByChance: z.number().gte(0).describe('What chance alone gives on average.'),
  level: z.enum(['stable', 'moderate', 'large']),
});
const orderedDriftSchema = driftSchema.extend({
  ks: z.number().gte(0).lte(1).describe('Distance of Kolmogorov and Smirnov.'),
});

/** More may be added. */
export const statsSchema = z.looseObject({
  uptimeSeconds: z.number().gte(0),
  requests: z.int().gte(0),
  images: z.int().gte(0),
  statuses: z.record(z.string(), z.int()).describe('Requests by their status.'),
  latencyMs: z
    .object({ mean: milliseconds, p50: milliseconds, p99: milliseconds, max: milliseconds })
    .nullable(),
  batches: z.int().gte(0).describe('Calls of the model.'),
  queue: z.looseObject({
    waiting: z.int().gte(0),
    inHand: z.int().gte(0),
    limit: z.int().gte(0),
    waitMs: milliseconds.describe('How long, as it looks, an image has to wait that comes now.'),
    overloaded: z
      .boolean()
      .describe('Whether requests are refused so that the others wait a short while only.'),
    dropped: z.object({ abandoned: z.int().gte(0), expired: z.int().gte(0) }),
  }),
  cache: z.looseObject({ answers: z.record(z.string(), z.int()) }),
  workers: z.looseObject({
    wanted: z.int().gte(1),
    ready: z.int().gte(0),
    restarts: z.int().gte(0),
    processIds: z.array(z.int()),
  }),
  drift: z
    .looseObject({
      answers: z.int().gte(0).describe('The newest answers, which are compared.'),
      measures: z
        .looseObject({
          confidence: orderedDriftSchema,
          brightness: orderedDriftSchema,
          classes: driftSchema,
        })
        .nullable(),
      reason: z.string().optional().describe('Why nothing can be said.'),
    })
    .describe('How the answers differ from those for the validation data.'),
  model: z.looseObject({
    name: z.string(),
    digest: z.string(),
    classes: z.array(z.string()),
    input: z.object({ width: z.int(), height: z.int(), channels: z.int() }),
  }),
});
export type Stats = z.output<typeof statsSchema>;

/** What a database counts to. */
const MAX_INDEX = 2 ** 31 - 1;

const fields = {
  requestId: z.string().regex(REQUEST_ID).describe('Of the answer.'),
  index: z
    .int()
    .gte(0)
    .lte(MAX_INDEX)
    .optional()
    .describe('The place of the image in its request; by default 0, the first.'),
  label: z.string().min(1).describe('The right class.'),
};

const SPACE = '[ \\t\\r\\n]*';
const LETTER = `([A-Za-z0-9+/_-]${SPACE})`;
/** Base64, standard or for URLs, with or without line breaks, or a data URL that holds it; of whole bytes, one at least. */
const ENCODED = `^([dD][aA][tT][aA]:[^,]*;[bB][aA][sS][eE]64,)?${SPACE}(${LETTER}{4})*${LETTER}{2,4}(=${SPACE}){0,2}$`;

const image = z
  .string()
  .meta({ description: 'An encoded picture as base64, or a data URL that holds it.', pattern: ENCODED });

/**
 * What follows is checked by hand, which is faster than by a schema library and explains more; for those who write requests it
 * says what these checks let through.
 */
const list = (items: object, bounds: object = {}) => ({ type: 'array', minItems: 1, items, ...bounds });
const pixel = { type: 'number', minimum: 0, maximum: 255 };

/** Numbers of the scale 0..1, recognised by having none above 1 and a fraction somewhere. */
const unitRange = (depth: number): object => ({ allOf: [noneAboveOne(depth), someFraction(depth)] });
const noneAboveOne = (depth: number): object =>
  depth === 0 ? { maximum: 1 } : { items: noneAboveOne(depth - 1) };
const someFraction = (depth: number): object =>
  depth === 0
    ? { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 }
    : { type: 'array', contains: someFraction(depth - 1) };
/** A smaller one shows nothing. */
const picture = (items: object, bounds: object) =>
  list(list(items, { minItems: 2 }), { minItems: 2, ...bounds });
const colour = (channels: number) => list(pixel, { minItems: channels, maxItems: channels });
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
const IMAGE_FORMS = { image, pixels, drawing: drawingSchema };

/** The JSON bodies of `POST /feedback` that bring the picture along, by the key that holds it. */
export const FEEDBACK_REQUESTS = {
  image: z.strictObject({ ...fields, image: IMAGE_FORMS.image }),
  pixels: z.strictObject({ ...fields, pixels: IMAGE_FORMS.pixels }),
  drawing: z.strictObject({ ...fields, drawing: IMAGE_FORMS.drawing }),
};
/** The one that does not. */
export const bareFeedbackSchema = z.strictObject(fields);
export const feedbackSchema = z.union([bareFeedbackSchema, ...Object.values(FEEDBACK_REQUESTS)]);

/** What an answer holds only on request. */
const INCLUSIONS = ['input'] as const;
export type Inclusion = (typeof INCLUSIONS)[number];

/** Digits as the number that they write, as a query is text. */
const number = <T extends z.ZodType>(schema: T) =>
  z.preprocess((text) => (/^\d+$/.test(String(text)) ? Number(text) : text), schema);

const topK = z.int().gte(1).optional().describe('Classes in the answer; by default serve.topK.');
const include = z
  .array(z.enum(INCLUSIONS))
  .optional()
  .describe('What the answer shall hold besides: "input" is what the model saw.');

const modelChoice = {
  model: z.string().optional().describe('Name of the model, where the server has several.'),
  version: z.string().optional().describe('One of the versions that are loaded.'),
};

/** A query is text: numbers are digits, and the inclusions may be one text, divided by commas. */
export const predictQuerySchema = z.strictObject({
  topK: number(topK),
  include: z.preprocess((value) => (typeof value === 'string' ? value.split(',') : value), include),
  ...modelChoice,
});

/** What fields of a form say besides its images, in texts as in a query. */
export const formFieldsSchema = predictQuerySchema.pick({ topK: true, include: true });
const settings = { topK, include };

/** A file in a form. */
const file = z.unknown().meta({ type: 'string', format: 'binary' });
export const predictFormSchema = z.strictObject({
  image: file.describe('Under this or any other name.'),
  ...formFieldsSchema.shape,
});
export const batchFormSchema = z.strictObject({
  images: z.array(file).min(1).describe('Under this or any other names.'),
  ...formFieldsSchema.shape,
});

/** The JSON bodies of `POST /predict`, by the key that tells them apart. */
export const PREDICT_REQUESTS = {
  image: z.strictObject({ image, ...settings }),
  pixels: z.strictObject({ pixels, ...settings }),
  drawing: z.strictObject({ drawing: drawingSchema, ...settings }),
};
export const predictRequestSchema = z.union(Object.values(PREDICT_REQUESTS));

/** The JSON bodies of `POST /predict/batch`, by the key that tells them apart. The result of a picture that is at fault is its error. */
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

/** The JSON bodies that hold one picture and nothing else, by the key that tells them apart. */
export const PICTURES = {
  image: z.strictObject({ image }),
  pixels: z.strictObject({ pixels }),
  drawing: z.strictObject({ drawing: drawingSchema }),
};
export const explainRequestSchema = z.union(Object.values(PICTURES));
export const explainFormSchema = z.strictObject({ image: file.describe('Under this or any other name.') });

export const explainQuerySchema = z.strictObject({
  class: z.string().min(1).optional().describe('The class to explain; by default the most probable one.'),
  grid: number(z.int().gte(2).lte(MAX_GRID).optional()).describe(
    `Rows and columns; by default ${DEFAULT_GRID}, or as many as serve.maxBatch allows.`,
  ),
  ...modelChoice,
});
