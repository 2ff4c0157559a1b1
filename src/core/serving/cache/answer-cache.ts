import { createHash } from 'node:crypto';
import type { Urgency } from '../urgency.js';
import { Flights } from './flights.js';
import { MemoryCache } from './memory-cache.js';
import { RedisCache } from './redis-cache.js';

/** Where an answer came from: computed for this request, with another one at the same time, or kept from earlier. */
export type AnswerSource = 'model' | 'shared' | 'memory' | 'redis';

/** What an answer depends on besides the picture. */
export interface AnsweringModel {
  /** Of the bundle: whatever changes an answer, preprocessing and all, changes it. */
  readonly digest: string;
  readonly classes: readonly string[];
}

export interface AnswerCacheOptions {
  /** Of the memory of this process; 0: none. */
  readonly memoryBytes: number;
  readonly redisUrl?: string | undefined;
  readonly ttlSeconds: number;
  readonly warn: (message: string) => void;
}

/**
 * Answers by what the model sees. The key is the SHA-256 of the bundle's digest and the preprocessed pixels, so that an
 * answer can be of no other model and no other picture. What is asked for twice at the same time is computed once.
 */
export class AnswerCache {
  readonly #memory: MemoryCache | undefined;
  readonly #redis: RedisCache | undefined;
  readonly #flights = new Flights<{ probabilities: Float32Array; source: AnswerSource }>();
  readonly #sources: Record<AnswerSource, number> = { model: 0, shared: 0, memory: 0, redis: 0 };

  private constructor({ memoryBytes }: AnswerCacheOptions, redis: RedisCache | undefined) {
    this.#memory = memoryBytes > 0 ? new MemoryCache(memoryBytes) : undefined;
    this.#redis = redis;
  }

  static async open(options: AnswerCacheOptions): Promise<AnswerCache> {
    const { redisUrl, ttlSeconds, warn } = options;
    return new AnswerCache(
      options,
      redisUrl === undefined ? undefined : await RedisCache.open(redisUrl, ttlSeconds, warn),
    );
  }

  /**
   * The probabilities for an image, kept or computed.
   *
   * @param pixels what the model sees, uint8 [height, width, channels]
   */
  async answer(
    model: AnsweringModel,
    pixels: Uint8Array,
    urgency: Urgency,
    compute: (urgency: Urgency) => Promise<Float32Array>,
  ): Promise<{ probabilities: Float32Array; source: AnswerSource }> {
    const key = createHash('sha256').update(model.digest).update(pixels).digest('base64url');
    const remembered = this.#memory?.get(key);
    if (remembered) return this.#count({ probabilities: remembered, source: 'memory' });
    const { value, shared } = await this.#flights.run(key, urgency, (all) =>
      this.#find(key, model, all, compute),
    );
    return this.#count(shared ? { ...value, source: 'shared' } : value);
  }

  async #find(
    key: string,
    { classes }: AnsweringModel,
    urgency: Urgency,
    compute: (urgency: Urgency) => Promise<Float32Array>,
  ): Promise<{ probabilities: Float32Array; source: AnswerSource }> {
    const kept = await this.#redis?.get(key, classes.length);
    const probabilities = kept ?? (await compute(urgency));
    this.#memory?.set(key, probabilities);
    if (!kept) this.#redis?.set(key, probabilities);
    return { probabilities, source: kept ? 'redis' : 'model' };
  }

  #count<T extends { source: AnswerSource }>(answer: T): T {
    this.#sources[answer.source]++;
    return answer;
  }

  toJSON() {
    return {
      answers: { ...this.#sources },
      memory: this.#memory && { entries: this.#memory.entries, bytes: this.#memory.bytes },
      redis: this.#redis && { breaker: this.#redis.state, errors: this.#redis.errors },
    };
  }

  close(): void {
    this.#redis?.close();
  }
}
