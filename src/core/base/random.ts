import { createCipheriv } from 'node:crypto';

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
  | 'hash'
  | 'calibrate';

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
  calibrate: 10,
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

/**
 * Many random bytes at once, as a pure function of (seed, purpose, two indices): AES-128 in counter mode, which the paper
 * of {@link philox4x32} names as a counter-based generator too (its "ARS" and "AESNI"). Processors compute it
 * themselves, so it gives bytes thirty times as fast as {@link Random}; to begin a stream costs more.
 *
 * @returns a function that gives the next bytes of the stream
 */
export function randomBytes(
  seed: number,
  purpose: RandomPurpose,
  index: number,
  subIndex: number,
): (count: number) => Uint8Array {
  const words = new DataView(new ArrayBuffer(32));
  for (const [i, word] of [seed, PURPOSES[purpose], 0, 0, index, subIndex, 0, 0].entries())
    words.setUint32(4 * i, word, true);
  // The last 64 bits of the second half are the counter of the blocks.
  const [key, counter] = [new Uint8Array(words.buffer, 0, 16), new Uint8Array(words.buffer, 16)];
  const cipher = createCipheriv('aes-128-ctr', key, counter);
  return (count) => cipher.update(new Uint8Array(count));
}

/** A 32-bit hash of a text (FNV-1a), to key a random stream by a name. Not for security. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

/**
 * Philox4x32-10, the counter-based random number generator of Salmon, Moraes, Dror and Shaw,
 * "Parallel random numbers: as easy as 1, 2, 3" (SC 2011): the output is a pure function of a 64-bit key and a
 * 128-bit counter, so any number of any stream can be computed without those before it.
 */
const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;
const ROUNDS = 10;

/**
 * The upper 32 bits of the product of two unsigned 32-bit integers, by their halves: no sum here exceeds 32 bits, so
 * that it stays in integer registers (Warren, "Hacker's Delight", section 8-2).
 */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = (Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16)) | 0;
  const carry = (Math.imul(aLow, bHigh) + (middle & 0xffff)) | 0;
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (carry >>> 16)) | 0;
}

/**
 * Fills `out` with the blocks of four 32-bit words for (`counter`, `key`), (`counter` + 1, `key`), ...; only the first
 * word of the counter counts up.
 */
export function philox4x32(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
  out: Uint32Array,
): void {
  for (let i = 0; i + 3 < out.length; i += 4) {
    let c0 = (counter[0] + (i >>> 2)) | 0;
    let c1 = counter[1] | 0;
    let c2 = counter[2] | 0;
    let c3 = counter[3] | 0;
    let k0 = key[0] | 0;
    let k1 = key[1] | 0;
    for (let round = 0; round < ROUNDS; round++) {
      const high0 = multiplyHigh(M0, c0);
      const high1 = multiplyHigh(M1, c2);
      const low0 = Math.imul(M0, c0);
      const low1 = Math.imul(M1, c2);
      c0 = high1 ^ c1 ^ k0;
      c1 = low1;
      c2 = high0 ^ c3 ^ k1;
      c3 = low0;
      k0 = (k0 + W0) | 0;
      k1 = (k1 + W1) | 0;
    }
    out[i] = c0;
    out[i + 1] = c1;
    out[i + 2] = c2;
    out[i + 3] = c3;
  }
}

/**
 * A number from the symmetric Beta(alpha, alpha) distribution, in [0, 1]: X / (X + Y) of two Gamma(alpha) numbers. It
 * is computed from their logarithms, since with a small alpha both are often too small for a float.
 */
export function symmetricBeta(random: Random, alpha: number): number {
  const [x, y] = [logGamma(random, alpha), logGamma(random, alpha)];
  return 1 / (1 + Math.exp(y - x));
}

/**
 * The logarithm of a Gamma(shape, 1) number: Marsaglia and Tsang, "A simple method for generating gamma variables"
 * (2000). A shape below 1 is lifted by 1 and the result multiplied by U^(1 / shape), as in its section 6.
 */
function logGamma(random: Random, shape: number): number {
  if (shape < 1) return logGamma(random, shape + 1) + logUniform(random) / shape;
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = random.normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && logUniform(random) < x * x * 0.5 + d - d * v + d * Math.log(v)) return Math.log(d * v);
  }
}

/** The logarithm of a number from (0, 1]. */
function logUniform(random: Random): number {
  return Math.log1p(-random.float());
}
