import { randomUUID } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Redis } from 'ioredis';
import { LRUCache } from 'lru-cache';
import CircuitBreaker from 'opossum';
import { RobleError } from '../../base/errors.js';
import { connectRedis, REDIS_BREAKER } from '../../base/storage/redis.js';
import { isForProbes } from './authorize.js';
import type { RateLimitSettings } from './settings.js';

export interface RateLimitOptions extends RateLimitSettings {
  /** Redis in which several servers share the limit. */
  readonly redisUrl: string | undefined;
  readonly warn: (message: string) => void;
}

/**
 * Limits the requests of each key, or, without a valid one, of each address, to any route: also those that are
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
    allowList: isForProbes,
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

/** Senders whose requests are counted at once; the one that was silent for the longest is forgotten first. */
const MAX_SENDERS = 100_000;

interface Window {
  endsAt: number;
  /** What the sender sent to all servers, as far as this one knows. */
  total: number;
}

/** How `@fastify/rate-limit` gets a count. */
type CountCallback = (error: Error | null, result?: { current: number; ttl: number }) => void;

/**
 * Counts requests by sender in fixed windows, for `@fastify/rate-limit`; in Redis where several servers share the limit.
 * When Redis does not answer, a server goes on from the last count that it knows, and takes each request for one to every
 * server that was at work: all together let through about what the one limit allows.
 */
class LimitStore {
  readonly #windows = new LRUCache<string, Window>({ max: MAX_SENDERS });
  readonly #shared: SharedCounts | undefined;
  #servers = 1;

  constructor(shared: SharedCounts | undefined) {
    this.#shared = shared;
  }

  incr(sender: string, done: CountCallback, windowMs: number): void {
    this.#count(sender, windowMs).then(
      ({ total, endsAt }) => done(null, { current: total, ttl: Math.max(1, endsAt - performance.now()) }),
      (error: Error) => done(error),
    );
  }

  /** Part of the contract of stores; no route has limits of its own. */
  child(): this {
    return this;
  }

  async #count(sender: string, windowMs: number): Promise<Window> {
    const shared = await this.#shared?.count(sender);
    const window = this.#windowOf(sender, windowMs);
    if (shared) {
      this.#servers = Math.max(1, shared.servers);
      window.total = shared.count;
      window.endsAt = performance.now() + shared.leftMs;
    } else window.total += this.#servers;
    // A copy: the next request may count before this one is answered.
    return { ...window };
  }

  #windowOf(sender: string, windowMs: number): Window {
    const now = performance.now();
    const current = this.#windows.get(sender);
    if (current && current.endsAt > now) return current;
    const next = { endsAt: now + windowMs, total: 0 };
    this.#windows.set(sender, next);
    return next;
  }
}

const PREFIX = 'roble:limit:';

/**
 * Counts a request in the window of its sender, and notes that this server is at work, for it to know by how many the
 * limit is divided. KEYS: counter, servers. ARGV: window in milliseconds, name of this server.
 */
const COUNT = `
  local count = redis.call('INCR', KEYS[1])
  local left = redis.call('PTTL', KEYS[1])
  if left < 0 then
    redis.call('PEXPIRE', KEYS[1], ARGV[1])
    left = tonumber(ARGV[1])
  end
  local now = redis.call('TIME')
  local milliseconds = now[1] * 1000 + math.floor(now[2] / 1000)
  redis.call('ZADD', KEYS[2], milliseconds, ARGV[2])
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', milliseconds - ARGV[1])
  redis.call('PEXPIRE', KEYS[2], ARGV[1])
  return { count, left, redis.call('ZCARD', KEYS[2]) }
`;

/** What a sender sent in the current window, over all servers. */
export interface SharedCount {
  readonly count: number;
  /** Until the window ends. */
  readonly leftMs: number;
  /** That took requests within the last window. */
  readonly servers: number;
}

type RedisWithCount = Redis & {
  countRequest(
    counter: string,
    servers: string,
    windowMs: number,
    server: string,
  ): Promise<[number, number, number]>;
};

/** Counters of requests that several servers share, in Redis. */
class SharedCounts {
  readonly #redis: Redis;
  readonly #calls: CircuitBreaker<[sender: string], [number, number, number]>;

  private constructor(redis: Redis, windowMs: number) {
    this.#redis = redis;
    redis.defineCommand('countRequest', { numberOfKeys: 2, lua: COUNT });
    const server = randomUUID();
    this.#calls = new CircuitBreaker(
      (sender: string) =>
        (redis as RedisWithCount).countRequest(`${PREFIX}of:${sender}`, `${PREFIX}servers`, windowMs, server),
      REDIS_BREAKER,
    );
  }

  static async open(url: string, windowMs: number, warn: (message: string) => void): Promise<SharedCounts> {
    const use = { what: 'The rate limits', without: 'this server keeps to its own share of them' };
    return new SharedCounts(await connectRedis(url, use, warn), windowMs);
  }

  /** Counts one more request; undefined when Redis does not answer in time, or with nonsense. */
  async count(sender: string): Promise<SharedCount | undefined> {
    const answer = await this.#calls.fire(sender).catch(() => undefined);
    if (!answer?.every((value) => Number.isInteger(value) && value >= 0)) return undefined;
    const [count, leftMs, servers] = answer;
    return { count, leftMs, servers };
  }

  close(): void {
    this.#calls.shutdown();
    this.#redis.disconnect();
  }
}
