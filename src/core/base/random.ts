import { philox4x32 } from './philox.js';

/** What random numbers are drawn for. Streams of different purposes never overlap. */
export type RandomPurpose =
  | 'initialize'
  | 'shuffle'
  | 'dropout'
  | 'split'
  | 'synthesize'
  | 'augment'
  | 'mixup'
  | 'balance'
  | 'hash';

const PURPOSES: Record<RandomPurpose, number> = {
  initialize: 1,
  shuffle: 2,
  dropout: 3,
  split: 4,
  synthesize: 5,
  augment: 6,
  mixup: 7,
  balance: 8,
  hash: 9,
};

/** Words computed at once: few for a stream that is asked for a number or two, twice as many each time it goes on. */
const FIRST_WORDS = 4;
const MOST_WORDS = 256;

/**
 * A stream of random numbers that is a pure function of (seed, purpose, three indices): the same numbers come out on
 * any machine, in any order of calls between streams, with any number of workers.
 *
 * @example
 * const random = new Random(42, 'shuffle', epoch);
 * const order = random.permutation(dataset.count);
 */
export class Random {
  readonly #key: readonly [number, number];
  readonly #counter: [number, number, number, number];
  #words = new Uint32Array(FIRST_WORDS);
  #used = FIRST_WORDS;

  /** `seed` and the indices are integers in 0 .. 2^32 - 1; use {@link hash32} for a text. Other indices, other numbers. */
  constructor(seed: number, purpose: RandomPurpose, index = 0, subIndex = 0, stream = 0) {
    this.#key = [seed >>> 0, PURPOSES[purpose]];
    this.#counter = [0, stream >>> 0, index >>> 0, subIndex >>> 0];
  }

  /** The next integer, uniform in 0 .. 2^32 - 1. */
  uint32(): number {
    if (this.#used === this.#words.length) this.#refill();
    return this.#words[this.#used++]!;
  }

  /** The next number, uniform in [0, 1) with 32 bits. */
  float(): number {
    return this.uint32() / 4294967296;
  }

  /** Uniform in [low, high). */
  uniform(low: number, high: number): number {
    return low + (high - low) * this.float();
  }

  /** An integer, uniform in 0 .. `bound` - 1, without modulo bias (rejection). */
  integer(bound: number): number {
    const limit = 4294967296 - (4294967296 % bound);
    let value = this.uint32();
    while (value >= limit) value = this.uint32();
    return value % bound;
  }

  /** Standard normal (Box and Muller). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log((this.uint32() + 1) / 4294967296));
    return radius * Math.cos(2 * Math.PI * this.float());
  }

  /** Shuffles in place (Fisher and Yates). */
  shuffle<T extends { length: number; [index: number]: unknown }>(items: T): T {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const held = items[i];
      items[i] = items[j];
      items[j] = held;
    }
    return items;
  }

  /** The numbers 0 .. `count` - 1 in random order. */
  permutation(count: number): Uint32Array {
    const order = new Uint32Array(count);
    for (let i = 0; i < count; i++) order[i] = i;
    return this.shuffle(order);
  }

  #refill(): void {
    const blocks = this.#counter[0];
    if (blocks > 0 && this.#words.length < MOST_WORDS) this.#words = new Uint32Array(2 * this.#words.length);
    philox4x32(this.#counter, this.#key, this.#words);
    this.#counter[0] = blocks + this.#words.length / 4;
    this.#used = 0;
  }
}

/** A 32-bit hash of a text (FNV-1a), to key a random stream by a name. Not for security. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
