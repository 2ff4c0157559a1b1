import { FEATURES, HASH_WORDS, hashDistance, hashFeatures } from './hash.js';
import { candidates, PairMemory } from './near-duplicates.js';
import { meanOf, projectFeatures } from './project-features.js';

/**
 * Least cosine of the features, about their mean, of pictures that are called alike. Of 785 photographs and pieces of clip art,
 * 16 pairs reach it, one of them of the same picture and 15 of pictures that look alike (three lights of one traffic light). Of
 * 79 changed copies of the same do: brightened 73, mirrored 67, cut by 8 % 26, halved in size 17.
 */
const ALIKE = 0.95;
/** Bits of 128 in which hashes of such pictures practically never differ: an angle of 45 degrees. */
const MAX_HASH_DISTANCE = 32;
/** Hashes of different projections: what one misses the next finds. */
const TABLES = 2;

export interface AlikeFeatures {
  /** uint32, [count]: the picture with the most similar features, its own index where none is alike. */
  readonly nearest: Uint32Array;
  /** float32, [count]: the cosine of the angle between the two, 0 where none is alike. */
  readonly cosine: Float32Array;
  /** How many pairs of features were compared. */
  readonly comparisons: number;
}

/**
 * Finds pictures whose features point the same way: near-duplicates that pixels do not show, such as those that are mirrored, cut
 * or lit otherwise. As in `findNearDuplicates`, candidates share a band of bits of a hash, and each pair is confirmed on the
 * features; time and memory are linear in the number of pictures. Of pairs at the limit, about one in 20 of 100,000 pictures is
 * missed; nearer ones hardly ever.
 *
 * @param features float32, [count, width], of a network that has learned with other pictures
 * @param minCosine default 0.95
 *
 * @example
 * const { nearest, cosine } = findAlikeFeatures(features, count);
 */
export function findAlikeFeatures(features: Float32Array, count: number, minCosine = ALIKE): AlikeFeatures {
  const nearest = Uint32Array.from({ length: count }, (_, i) => i);
  const cosine = new Float32Array(count);
  const cosineOf = cosineTest(features, count);
  const tried = new PairMemory();
  let comparisons = 0;
  for (let table = 0; table < TABLES; table++) {
    const hashes = hashOf(features, count, table);
    for (const [a, b] of candidates(hashes, count)) {
      if (hashDistance(hashes.words, a, b) > MAX_HASH_DISTANCE || tried.has(a, b)) continue;
      tried.add(a, b);
      comparisons += 1;
      const value = cosineOf(a, b);
      if (value < minCosine) continue;
      for (const [own, other] of [
        [a, b],
        [b, a],
      ] as const)
        if (value > cosine[own]!) {
          nearest[own] = other;
          cosine[own] = value;
        }
    }
  }
  return { nearest, cosine, comparisons };
}

function hashOf(features: Float32Array, count: number, table: number) {
  const hashes = { words: new Uint32Array(count * HASH_WORDS), order: new Float32Array(count) };
  const projected = projectFeatures(features, count, FEATURES, table);
  const width = projected.length / count;
  const padded = width === FEATURES ? projected : new Float32Array(count * FEATURES);
  if (padded !== projected)
    for (let i = 0; i < count; i++) padded.set(projected.subarray(i * width, (i + 1) * width), i * FEATURES);
  hashFeatures(padded, hashes);
  return hashes;
}

/** The cosine of two rows about the mean; 0 where one of them is the mean. */
function cosineTest(features: Float32Array, count: number): (a: number, b: number) => number {
  const width = features.length / count;
  const mean = meanOf(features, count);
  const product = (a: number, b: number) => {
    let sum = 0;
    for (let k = 0; k < width; k++)
      sum += (features[a * width + k]! - mean[k]!) * (features[b * width + k]! - mean[k]!);
    return sum;
  };
  const lengths = Float64Array.from({ length: count }, (_, i) => Math.sqrt(product(i, i)));
  return (a, b) => (lengths[a]! * lengths[b]! === 0 ? 0 : product(a, b) / (lengths[a]! * lengths[b]!));
}
