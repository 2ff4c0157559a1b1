import { Random } from '../../base/random.js';
import { centroid, findInk, type PictureShape } from './ink.js';

/** Cells on a side of the reduced picture. */
const CELLS = 8;
const FEATURES = CELLS * CELLS;
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
 * @param images uint8, [count, height, width, channels]
 * @param which indices of the pictures to hash; the results are in their order
 */
export function hashPictures(images: Uint8Array, which: Uint32Array, shape: PictureShape): PictureHashes {
  const features = reduceAll(images, which, shape);
  const planes = drawPlanes();
  const words = new Uint32Array(which.length * HASH_WORDS);
  const order = new Float32Array(which.length);
  for (let i = 0; i < which.length; i++) {
    const at = i * FEATURES;
    for (let bit = 0; bit < BITS; bit++)
      if (project(features, at, planes, bit * FEATURES) > 0)
        words[i * HASH_WORDS + (bit >> 5)]! |= 1 << (bit & 31);
    order[i] = project(features, at, planes, BITS * FEATURES);
  }
  return { words, order };
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

/** One plane for each bit, and one more direction to sort by. */
function drawPlanes(): Float32Array {
  const random = new Random(0, 'hash');
  return Float32Array.from({ length: (BITS + 1) * FEATURES }, () => random.normal());
}

function project(features: Float32Array, at: number, planes: Float32Array, plane: number): number {
  let sum = 0;
  for (let k = 0; k < FEATURES; k++) sum += features[at + k]! * planes[plane + k]!;
  return sum;
}

/** Reduced pictures of length 1, minus the mean of all. */
function reduceAll(images: Uint8Array, which: Uint32Array, shape: PictureShape): Float32Array {
  const size = shape.width * shape.height * shape.channels;
  const features = new Float32Array(which.length * FEATURES);
  const mean = new Float64Array(FEATURES);
  const ink = new Float32Array(shape.width * shape.height);
  for (const [i, index] of which.entries()) {
    const feature = features.subarray(i * FEATURES, (i + 1) * FEATURES);
    findInk(images.subarray(index * size, (index + 1) * size), shape, ink);
    reduce(ink, shape, feature);
    for (let k = 0; k < FEATURES; k++) mean[k]! += feature[k]! / which.length;
  }
  for (let k = 0; k < features.length; k++) features[k]! -= mean[k % FEATURES]!;
  return features;
}

/** Spreads each pixel over the four nearest cells of a grid that is centred on the ink, then scales the length to 1. */
function reduce(ink: Float32Array, { width, height }: PictureShape, feature: Float32Array): void {
  const { x: centreX, y: centreY, total } = centroid(ink, width);
  if (total === 0) return;
  const scale = CELLS / Math.max(width, height);
  for (let i = 0; i < ink.length; i++) {
    const value = ink[i]!;
    if (value === 0) continue;
    const u = clampCell(((i % width) - centreX) * scale + (CELLS - 1) / 2);
    const v = clampCell((Math.floor(i / width) - centreY) * scale + (CELLS - 1) / 2);
    const [column, row] = [Math.min(CELLS - 2, Math.floor(u)), Math.min(CELLS - 2, Math.floor(v))];
    const [right, down] = [u - column, v - row];
    const at = row * CELLS + column;
    feature[at]! += value * (1 - right) * (1 - down);
    feature[at + 1]! += value * right * (1 - down);
    feature[at + CELLS]! += value * (1 - right) * down;
    feature[at + CELLS + 1]! += value * right * down;
  }
  let squares = 0;
  for (let k = 0; k < FEATURES; k++) squares += feature[k]! ** 2;
  for (let k = 0; k < FEATURES; k++) feature[k]! /= Math.sqrt(squares);
}

function clampCell(at: number): number {
  return Math.min(CELLS - 1, Math.max(0, at));
}
