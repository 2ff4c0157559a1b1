import { createHash } from 'node:crypto';
import { samePicture } from './picture-distance.js';
import { HASH_WORDS, hashDistance, hashPictures, type PictureHashes } from './picture-hash.js';
import type { PictureShape } from './picture-ink.js';

export interface NearDuplicateOptions {
  /** Largest energy of the difference, by that of both pictures, of a near-duplicate; default 0.02. */
  readonly maxEnergy?: number;
  /** Largest mean difference over 2x2 pixels, by the range of values; default 0.12. */
  readonly maxBlock?: number;
}

/** Of 128 bits; noise and a shift of a pixel change 6 on average. */
const MAX_HASH_DISTANCE = 10;
const MAX_BAND_BITS = 16;
/** With how many of those behind it a picture is compared that fell into the same bucket. */
const SCAN = 64;

/**
 * Finds pictures that are the same but for noise, a shift of one pixel, or nothing at all. Candidates share a band of
 * bits of a hash; each is confirmed on the pixels. The hash alone would not do: at 28x28 thousands of simple drawings
 * share one. Equal pictures always meet.
 *
 * @param images uint8, [count, height, width, channels]
 * @returns for each image the smallest index of its cluster, its own when it is alone
 *
 * @example
 * const first = nearDuplicateClusters(images, count, preprocessing);
 * const repeated = first.filter((index, i) => index !== i).length;
 */
export function nearDuplicateClusters(
  images: Uint8Array,
  count: number,
  shape: PictureShape,
  options: NearDuplicateOptions = {},
): Uint32Array {
  const first = exactDuplicates(images, count, shape);
  const distinct = Uint32Array.from(first.filter((index, i) => index === i));
  const clusters = new Clusters(first);
  const isSame = pixelTest(images, shape, options);
  const hashes = hashPictures(images, distinct, shape);
  for (const [a, b] of candidates(hashes, distinct.length)) {
    const [i, j] = [distinct[a]!, distinct[b]!];
    if (hashDistance(hashes.words, a, b) <= MAX_HASH_DISTANCE && !clusters.joined(i, j) && isSame(i, j))
      clusters.join(i, j);
  }
  return clusters.roots();
}

/** For each image the index of the first one with the same pixels. */
export function exactDuplicates(images: Uint8Array, count: number, shape: PictureShape): Uint32Array {
  const size = shape.width * shape.height * shape.channels;
  const seen = new Map<string, number>();
  return Uint32Array.from({ length: count }, (_, i) => {
    const key = createHash('sha1')
      .update(images.subarray(i * size, (i + 1) * size))
      .digest('base64');
    const first = seen.get(key);
    if (first === undefined) seen.set(key, i);
    return first ?? i;
  });
}

function pixelTest(images: Uint8Array, shape: PictureShape, options: NearDuplicateOptions) {
  const tolerance = { energy: options.maxEnergy ?? 0.02, block: options.maxBlock ?? 0.12 };
  const size = shape.width * shape.height * shape.channels;
  const picture = (i: number) => images.subarray(i * size, (i + 1) * size);
  return (i: number, j: number) => samePicture(picture(i), picture(j), shape, tolerance);
}

/**
 * Pairs that share a band of bits. Within a bucket pictures are sorted and meet only their next {@link SCAN}, so that
 * the work stays linear even when all pictures fall into one.
 */
function* candidates({ words, order }: PictureHashes, count: number): Generator<readonly [number, number]> {
  const bits = Math.min(MAX_BAND_BITS, Math.max(4, Math.round(Math.log2(count + 1))));
  const sorted = Uint32Array.from({ length: count }, (_, i) => i).sort((a, b) => order[a]! - order[b]!);
  const keys = new Float64Array(count);
  for (let band = 0; band < 2 * HASH_WORDS; band++) {
    const key = (i: number) =>
      (words[i * HASH_WORDS + (band >> 1)]! >>> (16 * (band & 1))) & 0xffff & ((1 << bits) - 1);
    // One number holds the bucket and the place in the order: the sort of a typed array compares no objects.
    for (const [place, i] of sorted.entries()) keys[place] = key(i) * 2 ** 32 + place;
    keys.sort();
    for (let a = 0; a < count; a++) {
      const bucketEnd = (Math.floor(keys[a]! / 2 ** 32) + 1) * 2 ** 32;
      for (let b = a + 1; b < count && b - a <= SCAN && keys[b]! < bucketEnd; b++)
        yield [sorted[keys[a]! % 2 ** 32]!, sorted[keys[b]! % 2 ** 32]!];
    }
  }
}

/** Disjoint sets whose root is the smallest index (R. E. Tarjan's union-find, paths halved). */
class Clusters {
  readonly #parent: Uint32Array;

  /** @param first for each index one that is not larger, of the same set */
  constructor(first: Uint32Array) {
    this.#parent = first.slice();
  }

  joined(a: number, b: number): boolean {
    return this.#root(a) === this.#root(b);
  }

  join(a: number, b: number): void {
    const [rootA, rootB] = [this.#root(a), this.#root(b)];
    this.#parent[Math.max(rootA, rootB)] = Math.min(rootA, rootB);
  }

  roots(): Uint32Array {
    return this.#parent.map((_, i) => this.#root(i));
  }

  #root(index: number): number {
    let at = index;
    while (this.#parent[at] !== at) {
      this.#parent[at] = this.#parent[this.#parent[at]!]!;
      at = this.#parent[at]!;
    }
    return at;
  }
}
