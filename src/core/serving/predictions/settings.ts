import { z } from 'zod';
import { positive } from '../../base/schema/checked.js';
import { urlWithPassword } from '../../base/secret.js';

export const predictionsSchema = z.strictObject({
  url: urlWithPassword(
    z
      .string()
      .min(1)
      .refine((url) => !url.includes('://') || (/^postgres(ql)?:\/\//.test(url) && URL.canParse(url)), {
        message:
          'expected the path of an SQLite file, postgres://USER:PASSWORD@HOST/DATABASE (with %23 for # and the like), or "none"',
      }),
  )
    .default('none')
    .describe(
      'Database of the predictions: an SQLite file, postgres://USER:PASSWORD@HOST/DATABASE, or "none". From TypeScript the default is "none".',
    ),
  keepImages: z
    .boolean()
    .default(false)
    .describe('Keep what the model saw, so that feedback can become training data.'),
  maxQueueBytes: positive
    .default(33_554_432)
    .describe('Memory for predictions that wait for the database; what does not fit is dropped and counted.'),
  keepDays: z
    .number()
    .gt(0)
    .optional()
    .describe(
      'Days after which predictions are deleted, unless somebody gave feedback on them. Without it they stay.',
    ),
});
export type PredictionsSettings = z.output<typeof predictionsSchema>;
