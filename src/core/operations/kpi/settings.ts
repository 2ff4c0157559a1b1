import { z } from 'zod';

/** What a model and its service are to reach. Nothing is asked for by default: only the project knows its goals. */
export const kpisSchema = z.strictObject({
  accuracy: z
    .number()
    .gt(0)
    .lte(1)
    .optional()
    .describe('Least share of the validation pictures that the model classifies correctly, such as 0.85.'),
  latencyP99Ms: z
    .number()
    .positive()
    .optional()
    .describe('Longest time in which 99 of 100 requests to /predict are answered, in milliseconds.'),
  availability: z
    .number()
    .gt(0)
    .lte(1)
    .optional()
    .describe('Least share of the requests that are answered with another status than 5xx, such as 0.999.'),
  secondsPerEpoch: z
    .number()
    .positive()
    .optional()
    .describe('Longest time of a training epoch with its evaluation, in seconds.'),
});
export type Kpis = z.output<typeof kpisSchema>;
export type KpiName = keyof typeof kpisSchema.shape;
