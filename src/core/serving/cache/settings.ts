import { z } from 'zod';
import { positive } from '../../base/schema/checked.js';
import { urlWithPassword } from '../../base/secret.js';

export const cacheSchema = z.strictObject({
  memoryBytes: z
    .int()
    .gte(0)
    .default(67_108_864)
    .describe('Memory for answers to pictures that were asked for before, in bytes; 0: none.'),
  url: urlWithPassword(z.string().regex(/^rediss?:\/\//, 'expected redis://HOST:PORT, or rediss:// with TLS'))
    .optional()
    .describe('Redis, in which several servers share their answers, such as redis://:password@cache:6379.'),
  ttlSeconds: positive.default(86_400).describe('How long Redis keeps an answer, in seconds.'),
});
export type CacheSettings = z.output<typeof cacheSchema>;
