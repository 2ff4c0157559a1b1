import { z } from 'zod';
import { ERRORS, type ErrorCode, type Problem } from '../../base/errors.js';

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
    .describe('In the order of the images; one that is at fault is told so in its place.'),
  model: modelLabelSchema,
});
export type BatchAnswer = z.output<typeof batchAnswerSchema>;

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
