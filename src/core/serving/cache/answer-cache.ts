import { hash } from 'node:crypto';
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
  /** Of the bundle: it changes with everything that changes an answer, such as the preprocessing. */
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
  readonly #computations = new SingleFlight<SourcedAnswer>();
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
   * @param compute called with the urgency of all requests that wait for this image, at most once at a time
   */
  async answer(
    model: AnsweringModel,
    pixels: Uint8Array,
    urgency: Urgency,
    compute: (urgency: Urgency) => Promise<ComputedAnswer>,
  ): Promise<SourcedAnswer> {
    const key = hash('sha256', Buffer.concat([Buffer.from(model.digest), pixels]), 'base64url');
    const remembered = this.#memory?.get(key);
    if (remembered) return this.#count(kept(remembered, 'memory'));
    const { value, shared } = await this.#computations.run(key, urgency, (ofAll) =>
      this.#find(key, model, ofAll, compute),
    );
    return this.#count(shared ? from('shared', value) : value);
  }

  async #find(
    key: string,
    { classes }: AnsweringModel,
    urgency: Urgency,
    compute: (urgency: Urgency) => Promise<ComputedAnswer>,
  ): Promise<SourcedAnswer> {
    const found = this.#redis && (await this.#redis.get(key, classes.length));
    const answer = found ? kept(found, 'redis') : from('model', await compute(urgency));
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

function from(source: AnswerSource, { probabilities, queueMs, inferenceMs }: ComputedAnswer): SourcedAnswer {
  return { probabilities, source, queueMs, inferenceMs };
}

function kept(probabilities: Float32Array, source: 'memory' | 'redis'): SourcedAnswer {
  return { probabilities, source, queueMs: 0, inferenceMs: 0 };
}

/** A computation that one request or more wait for. */
interface SharedComputation<T> {
  readonly result: Promise<T>;
  readonly urgency: Urgency & { deadline: number };
  readonly cancellation: Cancellation;
  waiters: number;
  isDone: boolean;
}

/**
 * Computes only once what several requests ask for at the same time. The computation goes on while one of them waits, until
 * the latest of their deadlines; each of them fails at its own deadline.
 */
export class SingleFlight<T> {
  readonly #running = new Map<string, SharedComputation<T>>();

  /** @param compute called with the urgency of all who wait for this key */
  async run(
    key: string,
    urgency: Urgency,
    compute: (urgency: Urgency) => Promise<T>,
  ): Promise<{ value: T; shared: boolean }> {
    checkWanted(urgency);
    const known = this.#running.get(key);
    const computation = known ?? this.#start(key, urgency, compute);
    const { deadline = Number.POSITIVE_INFINITY } = urgency;
    computation.urgency.deadline = Math.max(computation.urgency.deadline, deadline);
    computation.waiters++;
    try {
      return { value: await whileWanted(computation.result, urgency), shared: known !== undefined };
    } finally {
      computation.waiters--;
      if (computation.waiters === 0) {
        if (!computation.isDone) computation.cancellation.cancel(reasonToDrop(urgency) ?? 'abandoned');
        this.#forget(key, computation);
      }
    }
  }

  #start(
    key: string,
    { priority, deadline = Number.POSITIVE_INFINITY }: Urgency,
    compute: (urgency: Urgency) => Promise<T>,
  ): SharedComputation<T> {
    const cancellation = new Cancellation();
    const urgency = { priority, cancellation, deadline };
    const result = compute(urgency);
    const computation: SharedComputation<T> = { result, urgency, cancellation, waiters: 0, isDone: false };
    const finish = () => {
      computation.isDone = true;
    };
    result.then(finish, finish);
    this.#running.set(key, computation);
    return computation;
  }

  /** Whoever asks after the last one has left starts a new computation. */
  #forget(key: string, computation: SharedComputation<T>): void {
    if (this.#running.get(key) === computation) this.#running.delete(key);
  }
}
