import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import CircuitBreaker from 'opossum';
import { connectRedis, REDIS_BREAKER } from '../../base/storage/redis.js';

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
export class SharedCounts {
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
