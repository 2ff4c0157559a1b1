import { Random } from '../../base/random.js';
import { centroid, findInk, type PictureOf, type PictureShape } from './ink.js';

/** Cells on a side of the reduced picture. */
const CELLS = 8;
/** Values of a reduced picture. */
export const FEATURES = CELLS * CELLS;
/** Words of 32 bits of a hash. */
export const HASH_WORDS = 4;
const BITS = 32 * HASH_WORDS;

export interface PictureHashes {
  /** uint32, [count, {@link HASH_WORDS}]. */
  readonly words: Uint32Array;
  /** float32, [count]: a number to sort by, which is close for pictures that look alike. */
  readonly order: Float32Array;
}

/**
 * Hashes that share most bits if pictures look alike: each bit is the side of a random plane on which the reduced picture
 * lies (M. Charikar, "Similarity estimation techniques from rounding algorithms", 2002), so that two pictures
 * at an angle t differ in t/pi of the bits. The picture is reduced about the centroid of its ink, which makes the hash
 * blind to shifts, and the planes go through the mean of all pictures, which spreads drawings that are mostly paper.
 *
 * @param which indices of the pictures to hash; the results are in their order
 */
export function hashPictures(pictureOf: PictureOf, which: Uint32Array, shape: PictureShape): PictureHashes {
  const features = new Float32Array(which.length * FEATURES);
  const hashes = {
    words: new Uint32Array(which.length * HASH_WORDS),
    order: new Float32Array(which.length),
  };
  reducePictures(pictureOf, which, shape, features);
  centre(features);
  hashFeatures(features, hashes);
  return hashes;
}

/** Puts the bits of reduced pictures about their mean, float32 [count, {@link FEATURES}], into `hashes`. */
export function hashFeatures(features: Float32Array, { words, order }: PictureHashes): void {
  const planes = drawPlanes();
  const feature = new Float64Array(FEATURES);
  const sides = new Float64Array(planes.length / FEATURES);
  for (let i = 0; i < order.length; i++) {
    feature.set(features.subarray(i * FEATURES, (i + 1) * FEATURES));
    project(feature, planes, sides);
    for (let bit = 0; bit < BITS; bit++)
      if (sides[bit]! > 0) words[i * HASH_WORDS + (bit >> 5)]! |= 1 << (bit & 31);
    order[i] = sides[BITS]!;
  }
}

/** The number of bits in which two hashes differ. */
export function hashDistance(words: Uint32Array, a: number, b: number): number {
  let bits = 0;
  for (let k = 0; k < HASH_WORDS; k++)
    bits += countBits(words[a * HASH_WORDS + k]! ^ words[b * HASH_WORDS + k]!);
  return bits;
}

/** The bits of a 32-bit word that are 1, added in parallel (H. S. Warren, "Hacker's Delight", 5-1). */
function countBits(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Planes that are projected on together: one sum alone would wait for each of its additions. */
const TOGETHER = 4;

/**
 * One plane for each bit, and one more direction to sort by, filled up to a multiple of {@link TOGETHER} with planes that
 * nobody asks for.
 *
 * @returns float64, [planes / {@link TOGETHER}, {@link FEATURES}, {@link TOGETHER}], of the precision of float32
 */
function drawPlanes(): Float64Array {
  const random = new Random(0, 'hash');
  const planes = new Float64Array(Math.ceil((BITS + 1) / TOGETHER) * TOGETHER * FEATURES);
  for (let plane = 0; plane <= BITS; plane++)
    for (let k = 0; k < FEATURES; k++)
      planes[(Math.floor(plane / TOGETHER) * FEATURES + k) * TOGETHER + (plane % TOGETHER)] = Math.fround(
        random.normal(),
      );
  return planes;
}

/** The distance from each plane, summed over the features in their order. */
function project(feature: Float64Array, planes: Float64Array, sides: Float64Array): void {
  for (let plane = 0, at = 0; plane < sides.length; plane += TOGETHER) {
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    for (let k = 0; k < FEATURES; k++, at += TOGETHER) {
      const value = feature[k]!;
      a += value * planes[at]!;
      b += value * planes[at + 1]!;
      c += value * planes[at + 2]!;
      d += value * planes[at + 3]!;
    }
    sides[plane] = a;
    sides[plane + 1] = b;
    sides[plane + 2] = c;
    sides[plane + 3] = d;
  }
}

/** Puts reduced pictures of length 1, or 0 for blank ones, into `features`: float32, [which, {@link FEATURES}], zero before. */
export function reducePictures(
  pictureOf: PictureOf,
  which: Uint32Array,
  shape: PictureShape,
  features: Float32Array,
): void {
  const ink = new Float32Array(shape.width * shape.height);
  const reduce = reducer(shape);
  for (let i = 0; i < which.length; i++) {
    findInk(pictureOf(which[i]!), shape, ink);
    reduce(ink, features.subarray(i * FEATURES, (i + 1) * FEATURES));
  }
}

/** Takes the mean of all reduced pictures from each. */
export function centre(features: Float32Array): void {
  const count = features.length / FEATURES;
  const mean = new Float64Array(FEATURES);
  for (let at = 0; at < features.length; at += FEATURES)
    for (let k = 0; k < FEATURES; k++) mean[k]! += features[at + k]! / count;
  for (let at = 0; at < features.length; at += FEATURES)
    for (let k = 0; k < FEATURES; k++) features[at + k]! -= mean[k]!;
}

/** Spreads each pixel over the four nearest cells of a grid that is centred on the ink, then scales the length to 1. */
function reducer({ width, height }: PictureShape): (ink: Float32Array, feature: Float32Array) => void {
  const scale = CELLS / Math.max(width, height);
  // Of each column of the picture: the cell to its left, and its shares in that one and in the next.
  const cells = new Uint8Array(width);
  const lefts = new Float64Array(width);
  const rights = new Float64Array(width);
  return (ink, feature) => {
    const { x: centreX, y: centreY, total } = centroid(ink, width);
    if (total === 0) return;
    for (let x = 0; x < width; x++) {
      const u = clampCell((x - centreX) * scale + (CELLS - 1) / 2);
      cells[x] = Math.min(CELLS - 2, Math.floor(u));
      rights[x] = u - cells[x]!;
      lefts[x] = 1 - rights[x]!;
    }
    for (let y = 0; y < height; y++) {
      const v = clampCell((y - centreY) * scale + (CELLS - 1) / 2);
      const row = Math.min(CELLS - 2, Math.floor(v));
      const down = v - row;
      for (let x = 0; x < width; ) {
        const cell = cells[x]!;
        const at = row * CELLS + cell;
        let a = feature[at]!;
        let b = feature[at + 1]!;
        let c = feature[at + CELLS]!;
        let d = feature[at + CELLS + 1]!;
        // Rounded as the array would, so that the pixels of a cell can be added up outside of it.
        for (; x < width && cells[x] === cell; x++) {
          const value = ink[y * width + x]!;
          if (value === 0) continue;
          const left = value * lefts[x]!;
          const right = value * rights[x]!;
          a = Math.fround(a + left * (1 - down));
          b = Math.fround(b + right * (1 - down));
          c = Math.fround(c + left * down);
          d = Math.fround(d + right * down);
        }
        feature[at] = a;
        feature[at + 1] = b;
        feature[at + CELLS] = c;
        feature[at + CELLS + 1] = d;
      }
    }
    let squares = 0;
    for (let k = 0; k < FEATURES; k++) squares += feature[k]! ** 2;
    for (let k = 0; k < FEATURES; k++) feature[k]! /= Math.sqrt(squares);
  };
}

function clampCell(at: number): number {
  return Math.min(CELLS - 1, Math.max(0, at));
}
