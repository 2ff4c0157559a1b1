import { z } from 'zod';
import { secret, urlWithPassword } from '../../core/plugin/index.js';

const positive = z.int().positive();

/** `serve.backendOptions` of the backend `oip`. */
export const oipOptionsSchema = z.strictObject({
  url: urlWithPassword(z.url({ protocol: /^https?$/, error: 'expected http://HOST:PORT' })),
  /** Its name on that server. */
  model: z.string().min(1),
  /** By default the server chooses. */
  version: z.string().min(1).optional(),
  /** Sent with each request, such as `authorization`. */
  headers: z.record(z.string(), secret(z.string())).default({}),
  /** For an answer, with all tries. */
  timeoutMs: positive.default(10_000),
  /** Tries after the first. */
  retries: z.int().gte(0).default(2),
  /** Images in one request. */
  maxBatch: positive.default(64),
});
export type OipOptions = z.output<typeof oipOptionsSchema>;
