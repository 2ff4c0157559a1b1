import { z } from 'zod';
import type { EvaluationReport } from './record.js';

const count = z.int().gte(0);
const share = z.number().gte(0).lte(1);

/** `evaluation.json`, so far as it is used: its tables must fit the list of classes. */
export const evaluationSchema: z.ZodType<EvaluationReport> = z
  .object({
    format: z.literal('roble-evaluation'),
    version: z.literal(1),
    epoch: count,
    count,
    classes: z.array(z.string()),
    loss: z.number(),
    accuracy: share,
    top3Accuracy: share,
    balancedAccuracy: share,
    foldedAccuracy: z.exactOptional(share),
    twins: z.array(z.array(z.string())),
    expectedCalibrationError: z.number(),
    calibration: z.array(z.object({ count, confidence: z.number(), accuracy: share })),
    perClass: z.array(
      z.object({
        label: z.string(),
        support: count,
        precision: share.nullable(),
        recall: share.nullable(),
        f1: share.nullable(),
      }),
    ),
    confusion: z.array(z.array(count)),
    confidentlyWrong: z.array(
      z.object({
        index: count,
        source: z.string(),
        label: z.string(),
        predicted: z.string(),
        probability: z.number(),
      }),
    ),
  })
  .refine(
    ({ classes, perClass, confusion }) =>
      [perClass, confusion, ...confusion].every((table) => table.length === classes.length),
    { message: 'the tables do not fit the list of classes' },
  );
