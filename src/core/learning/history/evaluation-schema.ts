import { z } from 'zod';
import type { EvaluationReport } from './record.js';

const count = z.int().gte(0);
const share = z.number().gte(0).lte(1);

const pairs: z.ZodType<EvaluationReport['confusion']> = z.array(z.tuple([count, count, count]));
/** Of version 1: rows of true classes with a column for each predicted one. */
const table = z.array(z.array(count));

/** `evaluation.json`, so far as it is used: its tables must fit the list of classes. */
export const evaluationSchema: z.ZodType<EvaluationReport> = z
  .object({
    format: z.literal('roble-evaluation'),
    version: z.literal([1, 2]),
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
    confusion: z.union([pairs, table]),
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
  .transform((report) => ({
    ...report,
    version: 2 as const,
    confusion:
      report.version === 1 ? pairsOf(report.confusion) : (report.confusion as EvaluationReport['confusion']),
  }))
  .refine(
    ({ classes, perClass, confusion }) =>
      perClass.length === classes.length &&
      confusion.every(([label, predicted]) => label < classes.length && predicted < classes.length),
    { message: 'the tables do not fit the list of classes' },
  );

function pairsOf(rows: readonly (readonly number[])[]): EvaluationReport['confusion'] {
  return rows.flatMap((row, label) =>
    row.flatMap((times, predicted) => (times > 0 ? [[label, predicted, times] as const] : [])),
  );
}
