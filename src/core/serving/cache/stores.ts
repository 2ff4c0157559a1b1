import type { Redis } from 'ioredis';
import { LRUCache } from 'lru-cache';
import CircuitBreaker from 'opossum';
import { connectRedis, REDIS_BREAKER } from '../../base/storage/redis.js';

/** Entries that are being written; more are left out while Redis is slower than the server. */
const MAX_WRITES = 256;
const PREFIX = 'roble:answer:';

/** How a Redis is set up, where its user may know. */
export interface RedisState {
  /** Its bound of memory; 0: none. */
  readonly maxBytes?: number;
  /** What it does when that is full, such as `allkeys-lru`. */
  readonly policy?: string;
}

/**
 * Reads from the Redis of a cache what is not there, as its user.
 *
 * @throws what Redis says, or why it cannot be reached
 */
export async function inspectRedis(url: string): Promise<RedisState> {
  const faults: string[] = [];
  const use = { what: 'The cache', without: 'predictions go on without it' };
  const redis = await connectRedis(url, use, (message) => faults.push(message));
  try {
    await redis.getBuffer(`${PREFIX}none`);
    const memory = await redis.info('memory').catch(() => '');
    const [, maxBytes] = /^maxmemory:(\d+)/m.exec(memory) ?? [];
    const [, policy] = /^maxmemory_policy:(\S+)/m.exec(memory) ?? [];
    return {
      ...(maxBytes !== undefined && { maxBytes: Number(maxBytes) }),
      ...(policy !== undefined && { policy }),
    };
  } catch (error) {
    throw faults.length > 0 ? new Error(faults.join(' '), { cause: error }) : error;
  } finally {
    redis.disconnect();
  }
}

/**
 * Answers that several servers share, in Redis. It can only help: when Redis is down, slow, full or answers nonsense, a
 * read finds nothing, and a circuit breaker stops asking until it is well again.
 */
export class RedisCache {
  readonly #redis: Redis;
  readonly #reads: CircuitBreaker<[key: string], Buffer | null>;
  readonly #ttlSeconds: number;
  #writes = 0;
  #errors = 0;

  private constructor(redis: Redis, ttlSeconds: number) {
    this.#redis = redis;
    this.#ttlSeconds = ttlSeconds;
    this.#reads = new CircuitBreaker((key: string) => redis.getBuffer(PREFIX + key), REDIS_BREAKER);
  }

  /** Connects to a Redis, or goes on trying; see {@link connectRedis}. */
  static async open(url: string, ttlSeconds: number, warn: (message: string) => void): Promise<RedisCache> {
    const use = { what: 'The cache', without: 'predictions go on without it' };
    return new RedisCache(await connectRedis(url, use, warn), ttlSeconds);
  }

  /** `open`: not asked at the moment, because it failed. */
  get state(): 'closed' | 'open' | 'half-open' {
    return this.#reads.opened ? 'open' : this.#reads.halfOpen ? 'half-open' : 'closed';
  }

  /** Reads and writes that failed, besides those that were not tried. */
  get errors(): number {
    return this.#errors;
  }

  /** The numbers kept under a key; undefined where there are none, another number of them, or no answer in time. */
  async get(key: string, length: number): Promise<Float32Array | undefined> {
    const bytes = await this.#reads.fire(key).catch(() => {
      if (!this.#reads.opened) this.#errors++;
      return null;
    });
    if (bytes?.length !== length * Float32Array.BYTES_PER_ELEMENT) return undefined;
    const probabilities = new Float32Array(new Uint8Array(bytes).buffer);
    return probabilities.every((value) => value >= 0 && value <= 1) ? probabilities : undefined;
  }

  /** Keeps numbers, without anybody waiting for it. */
  set(key: string, probabilities: Float32Array): void {
    if (this.#reads.opened || this.#writes >= MAX_WRITES) return;
    this.#writes++;
    this.#redis
      .set(PREFIX + key, bytesOf(probabilities), 'EX', this.#ttlSeconds)
      .catch(() => this.#errors++)
      .finally(() => this.#writes--);
  }

  close(): void {
    this.#reads.shutdown();
    this.#redis.disconnect();
  }
}

/** The bytes of numbers, as a view: in the order of this machine. */
function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** What an entry costs besides its numbers: key and bookkeeping, as measured with Node 20. */
const OVERHEAD_BYTES = 200;

/**
 * Answers in memory, the least recently used one forgotten first. Their bytes are kept as texts of one byte a character:
 * each array would have memory of its own beside the heap, which costs as much again and leaves holes when it is freed.
 */
export class MemoryCache {
  readonly #entries: LRUCache<string, string>;

  /** @param maxBytes all entries together, above 0 */
  constructor(maxBytes: number) {
    this.#entries = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: ({ length }) => length + OVERHEAD_BYTES,
    });
  }

  get bytes(): number {
    return this.#entries.calculatedSize;
  }

  get entries(): number {
    return this.#entries.size;
  }

  get(key: string): Float32Array | undefined {
    const text = this.#entries.get(key);
    if (text === undefined) return undefined;
    const probabilities = new Float32Array(text.length / Float32Array.BYTES_PER_ELEMENT);
    bytesOf(probabilities).write(text, 'latin1');
    return probabilities;
  }

  set(key: string, probabilities: Float32Array): void {
    this.#entries.set(key, bytesOf(probabilities).toString('latin1'));
  }
}
