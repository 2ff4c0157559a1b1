import { z } from 'zod';
import { augmentSchema, strategySchema } from '../augment/settings.js';
import { targetSchema } from './target.js';

/** What a configuration says of `data:balance`. */
export const balanceSchema = z.strictObject({
  sources: z
    .array(
      z.strictObject({
        dataset: z.string().min(1).describe('Folder of a data set.'),
        weight: z
          .number()
          .positive()
          .optional()
          .describe('Its share of each class, relative to the other weights.'),
      }),
    )
    .default([])
    .describe('Data sets to balance. Either all have a weight, or none: then their samples are one pool.'),
  target: targetSchema
    .default('max')
    .describe(
      'Samples of each class: a number; "max", "median", "mean" or a quantile such as "q75" of what the classes have; or a number for some classes by name.',
    ),
  maxCopies: z
    .int()
    .gte(0)
    .default(0)
    .describe('Most copies of one original; 0: as many as the target takes.'),
  allowMissing: z
    .boolean()
    .default(false)
    .describe('Whether a class may stay below its target when maxCopies does not allow more.'),
  above: z
    .enum(['trim', 'keep'])
    .default('trim')
    .describe('What happens to a class that has more than its target.'),
  below: z
    .enum(['copy', 'keep'])
    .default('copy')
    .describe(
      'What happens to a class that has less than its target: copies are made of its samples, or it stays as it is.',
    ),
  seed: z.int().gte(0).max(0xffffffff).default(0).describe('Seed of every random choice.'),
  augment: augmentSchema
    .extend({
      strategy: strategySchema.default('medium').describe('A strategy by name, or its own steps in a list.'),
    })
    .prefault({})
    .describe('How copies are made.'),
});
export type BalanceSettings = z.output<typeof balanceSchema>;
