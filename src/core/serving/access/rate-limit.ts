import type { FastifyInstance, FastifyRequest } from 'fastify';
import { RobleError } from '../../base/errors.js';
import { LimitStore } from './limit-store.js';
import { isHealth } from './route-scopes.js';
import type { RateLimitSettings } from './settings.js';
import { SharedCounts } from './shared-counts.js';

export interface RateLimitOptions extends RateLimitSettings {
  /** Redis in which several servers share the limit. */
  readonly redisUrl: string | undefined;
  readonly warn: (message: string) => void;
}

/**
 * Limits the requests of each key, or, without a valid one, of each address, whatever they ask for: also those that are
 * then refused. Requests are counted, not images, because the number of these is known only after the body was read;
 * `maxBatch` bounds it. Has to come after the keys are looked at.
 */
export async function addRateLimit(app: FastifyInstance, options: RateLimitOptions): Promise<void> {
  const { max, windowSeconds, redisUrl, warn } = options;
  if (max === 0) return;
  const windowMs = windowSeconds * 1000;
  const shared = redisUrl === undefined ? undefined : await SharedCounts.open(redisUrl, windowMs, warn);
  app.addHook('onClose', async () => shared?.close());
  const { default: rateLimit } = await import('@fastify/rate-limit');
  await app.register(rateLimit, {
    global: false,
    max,
    timeWindow: windowMs,
    enableDraftSpec: true,
    store: class extends LimitStore {
      constructor() {
        super(shared);
      }
    },
    keyGenerator: (request) => senderOf(request, rateLimit.normalizeIP),
    allowList: isHealth,
    errorResponseBuilder: (_, { max, after }) =>
      new RobleError('ROBLE_RATE_LIMITED', `There were too many requests; the next is welcome in ${after}.`, {
        expected: `at most ${max} requests in ${windowSeconds} s`,
      }),
  });
  app.addHook('onRequest', app.rateLimit());
}

/** A network of IPv6 counts as one address, because whoever has one has all of it. */
function senderOf(request: FastifyRequest, normalizeIP: (address: string) => string): string {
  if (request.apiKey) return `key:${request.apiKey.id}`;
  return `address:${normalizeIP(request.clientAddress)}`;
}
