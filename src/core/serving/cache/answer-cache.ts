import { createHash } from 'node:crypto';
import { getHeapStatistics } from 'node:v8';
import type { ComputedAnswer } from '../inference/pool.js';
import { Cancellation, checkWanted, reasonToDrop, type Urgency, whileWanted } from '../request/urgency.js';
import { MemoryCache, RedisCache } from './stores.js';

/** Where an answer came from: computed for this request, with another one at the same time, or kept from earlier. */
export type AnswerSource = 'model' | 'shared' | 'memory' | 'redis';

/** Probabilities, where they came from, and what their computation took: 0 for those that were kept. */
export interface SourcedAnswer extends ComputedAnswer {
  readonly source: AnswerSource;
}

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
  readonly #flights = new Flights<SourcedAnswer>();
  readonly #sources: Record<AnswerSource, number> = { model: 0, shared: 0, memory: 0, redis: 0 };

  private constructor(memoryBytes: number, redis: RedisCache | undefined) {
    this.#memory = memoryBytes > 0 ? new MemoryCache(memoryBytes) : undefined;
    this.#redis = redis;
  }

  static async open(options: AnswerCacheOptions): Promise<AnswerCache> {
    const { memoryBytes, redisUrl, ttlSeconds, warn } = options;
    return new AnswerCache(
      withinHeap(memoryBytes, warn),
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
    compute: (urgency: Urgency) => Promise<ComputedAnswer>,
  ): Promise<SourcedAnswer> {
    const key = createHash('sha256').update(model.digest).update(pixels).digest('base64url');
    const remembered = this.#memory?.get(key);
    if (remembered) return this.#count(kept(remembered, 'memory'));
    const { value, shared } = await this.#flights.run(key, urgency, (all) =>
      this.#find(key, model, all, compute),
    );
    return this.#count(shared ? { ...value, source: 'shared' } : value);
  }

  async #find(
    key: string,
    { classes }: AnsweringModel,
    urgency: Urgency,
    compute: (urgency: Urgency) => Promise<ComputedAnswer>,
  ): Promise<SourcedAnswer> {
    const found = await this.#redis?.get(key, classes.length);
    const answer = found ? kept(found, 'redis') : { ...(await compute(urgency)), source: 'model' as const };
    this.#memory?.set(key, answer.probabilities);
    if (!found) this.#redis?.set(key, answer.probabilities);
    return answer;
  }

  #count(answer: SourcedAnswer): SourcedAnswer {
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

/** Kept answers lie in the heap, which ends the process when it is full. */
function withinHeap(memoryBytes: number, warn: (message: string) => void): number {
  const most = Math.floor(getHeapStatistics().heap_size_limit / 2);
  if (memoryBytes > most)
    warn(
      `serve.cache.memoryBytes is ${memoryBytes}, but the heap of this process has room for ${most}; ` +
        'NODE_OPTIONS=--max-old-space-size=MIB makes it larger.',
    );
  return Math.min(memoryBytes, most);
}

function kept(probabilities: Float32Array, source: 'memory' | 'redis'): SourcedAnswer {
  return { probabilities, source, queueMs: 0, inferenceMs: 0 };
}

/** One computation that several requests wait for. */
interface Flight<T> {
  readonly result: Promise<T>;
  readonly urgency: Urgency & { deadline: number };
  readonly cancellation: Cancellation;
  waiters: number;
  isDone: boolean;
}

/**
 * Computes what several ask for at the same time only once. It goes on as long as one of them waits, and as long as the
 * most patient one does; each hears in time when it is too late for itself.
 */
export class Flights<T> {
  readonly #open = new Map<string, Flight<T>>();

  /** @param compute given the urgency of all who wait for this key */
  async run(
    key: string,
    urgency: Urgency,
    compute: (urgency: Urgency) => Promise<T>,
  ): Promise<{ value: T; shared: boolean }> {
    checkWanted(urgency);
    const known = this.#open.get(key);
    const flight = known ?? this.#start(key, urgency, compute);
    flight.waiters++;
    flight.urgency.deadline = Math.max(flight.urgency.deadline, urgency.deadline ?? Number.POSITIVE_INFINITY);
    try {
      return { value: await whileWanted(flight.result, urgency), shared: known !== undefined };
    } finally {
      flight.waiters--;
      if (flight.waiters === 0) {
        if (!flight.isDone) flight.cancellation.cancel(reasonToDrop(urgency) ?? 'abandoned');
        this.#forget(key, flight);
      }
    }
  }

  #start(key: string, { priority }: Urgency, compute: (urgency: Urgency) => Promise<T>): Flight<T> {
    const cancellation = new Cancellation();
    const urgency = { ...(priority && { priority }), cancellation, deadline: 0 };
    // Later than this function, so that the deadline of the first one who waits is known.
    const result = Promise.resolve()
      .then(() => compute(urgency))
      .finally(() => {
        flight.isDone = true;
      });
    const flight: Flight<T> = { result, urgency, cancellation, waiters: 0, isDone: false };
    this.#open.set(key, flight);
    return flight;
  }

  /** Who asks after the last one has left starts anew. */
  #forget(key: string, flight: Flight<T>): void {
    if (this.#open.get(key) === flight) this.#open.delete(key);
  }
}
