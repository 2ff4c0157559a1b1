import { z } from 'zod';
import { path, positive } from '../../base/schema/checked.js';

const rateLimitSchema = z.strictObject({
  max: z
    .int()
    .gte(0)
    .default(0)
    .describe('Requests that each key, or else each address, may send within the window; 0: no limit.'),
  windowSeconds: positive.max(86_400).default(60).describe('Length of the window, in seconds.'),
});
export type RateLimitSettings = z.output<typeof rateLimitSchema>;

/** Who may ask the server, how often, and from which pages. */
export const accessSchema = z.strictObject({
  keysFile: path
    .optional()
    .describe('File of the API keys, which "roble keys:create" writes. Without it nobody needs a key.'),
  rateLimit: rateLimitSchema.prefault({}).describe('How often the same client may ask.'),
  cors: z
    .array(
      z
        .string()
        .refine(
          isOrigin,
          'expected an origin: scheme, host and port, without a path, such as https://example.com',
        ),
    )
    .default([])
    .describe('Origins of other pages whose scripts may ask, such as https://example.com; none by default.'),
  trustedProxies: z
    .array(
      z.union(
        [z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()],
        'expected an IP address, or a network such as 10.0.0.0/8',
      ),
    )
    .default([])
    .describe(
      "Addresses or networks of the proxies in front, whose X-Forwarded-For is believed; by default nobody's is.",
    ),
});
export type AccessSettings = z.output<typeof accessSchema>;

function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

/** What a key can be good for. */
export const SCOPES = ['predict', 'feedback', 'metrics', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];
