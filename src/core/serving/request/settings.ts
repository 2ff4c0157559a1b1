import { z } from 'zod';
import { positive } from '../../base/schema/checked.js';

/** What a request may ask for, and for how long. */
export const requestLimitsSchema = z.object({
  maxBodyBytes: positive.default(10_485_760).describe('Largest body of a request, in bytes.'),
  maxPixels: positive.default(16_777_216).describe('Largest picture that is decoded.'),
  maxBatch: positive.default(256).describe('Most images in one request.'),
  topK: positive.default(3).describe('Classes in an answer unless the request says otherwise.'),
  requestTimeoutMs: positive
    .default(30_000)
    .describe('Longest time for an answer; a request may ask for less with the header x-timeout-ms.'),
});
export type RequestLimits = z.output<typeof requestLimitsSchema>;
