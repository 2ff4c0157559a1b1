import type { PictureOf, PictureShape } from './ink.js';

/** Pictures are compared in all shifts of up to this many pixels. */
const MAX_SHIFT = 1;

export interface PictureTolerance {
  /** Largest energy of the difference, relative to that of both pictures about their means: 0 equal, about 1 unrelated. */
  readonly energy: number;
  /**
   * Largest mean difference over a block of 2x2 pixels, relative to the smaller of both ranges of values. Noise averages out
   * in a block; a stroke in another position does not.
   */
  readonly block: number;
}

/** Least share of each picture's energy that must lie where the pictures overlap. */
const LEAST_INSIDE = 0.5;

/**
 * A test whether two of many pictures are the same within a tolerance, at the whole-pixel shift where they fit best. Only
 * their overlap is compared: what a shift brings in from outside the frame is unknown.
 *
 * @param count how many pictures there are
 */
export function samePictureTest(
  pictureOf: PictureOf,
  count: number,
  shape: PictureShape,
  tolerance: PictureTolerance,
): (i: number, j: number) => boolean {
  const overlaps = overlapsOf(shape);
  const whole = overlaps[0]!;
  const energies = new Float64Array(count).fill(Number.NaN);
  const energyOf = (i: number, picture: Uint8Array) => {
    if (Number.isNaN(energies[i]!)) energies[i] = energyAboutMean(picture, whole, 0);
    return energies[i]!;
  };
  return (i, j) => {
    const [a, b] = [pictureOf(i), pictureOf(j)];
    const [energyA, energyB] = [energyOf(i, a), energyOf(j, b)];
    const best = bestOverlap(a, b, overlaps, tolerance.energy * (energyA + energyB) + 1);
    if (best === undefined) return false;
    const range = Math.max(1, Math.min(rangeOf(a), rangeOf(b)));
    return (
      largestBlock(a, b, best) <= tolerance.block * range &&
      energyAboutMean(a, best, 0) >= LEAST_INSIDE * energyA &&
      energyAboutMean(b, best, best.offset) >= LEAST_INSIDE * energyB
    );
  };
}

/** The overlap of two pictures at a shift. */
interface Overlap {
  /** Starts of its rows in the first picture, from the middle outwards: the ink is there, so that differences show early. */
  readonly starts: readonly number[];
  /** Values in a row of the overlap, between neighbouring pixels, and between rows of the picture. */
  readonly row: number;
  readonly step: number;
  readonly stride: number;
  /** From a value of the first picture to that of the second. */
  readonly offset: number;
}

/** The overlaps at all shifts, without a shift first. */
function overlapsOf({ width, height, channels }: PictureShape): Overlap[] {
  const stride = width * channels;
  const middle = (height - 1) / 2;
  const shifts = [0, -MAX_SHIFT, MAX_SHIFT];
  return shifts.flatMap((dy) =>
    shifts.map((dx) => {
      const [left, top] = [Math.max(0, -dx), Math.max(0, -dy)];
      const rows = Array.from({ length: height - Math.abs(dy) }, (_, y) => top + y);
      rows.sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle));
      return {
        starts: rows.map((y) => y * stride + left * channels),
        row: (width - Math.abs(dx)) * channels,
        step: channels,
        stride,
        offset: dy * stride + dx * channels,
      };
    }),
  );
}

/** The overlap with the least sum of squared differences; undefined if every sum reaches `limit`. */
function bestOverlap(
  a: Uint8Array,
  b: Uint8Array,
  overlaps: readonly Overlap[],
  limit: number,
): Overlap | undefined {
  let least = limit;
  let best: Overlap | undefined;
  for (const overlap of overlaps) {
    const sum = squaredDifference(a, b, overlap, least);
    if (sum >= least) continue;
    least = sum;
    best = overlap;
  }
  return best;
}

/** Stops when the sum reaches `limit`. */
function squaredDifference(
  a: Uint8Array,
  b: Uint8Array,
  { starts, row, offset }: Overlap,
  limit: number,
): number {
  let sum = 0;
  for (let r = 0; r < starts.length && sum < limit; r++) {
    const end = starts[r]! + row;
    for (let i = starts[r]!; i < end; i++) {
      const difference = a[i]! - b[i + offset]!;
      sum += difference * difference;
    }
  }
  return sum;
}

function largestBlock(a: Uint8Array, b: Uint8Array, { starts, row, step, stride, offset }: Overlap): number {
  const sumOf = (picture: Uint8Array, i: number) =>
    picture[i]! + picture[i + step]! + picture[i + stride]! + picture[i + stride + step]!;
  const last = Math.max(...starts);
  let largest = 0;
  for (const start of starts) {
    if (start === last) continue;
    for (let i = start; i < start + row - step; i++)
      largest = Math.max(largest, Math.abs(sumOf(a, i) - sumOf(b, i + offset)) / 4);
  }
  return largest;
}

/** Sum of squares about the mean, in an overlap. */
function energyAboutMean(picture: Uint8Array, { starts, row }: Overlap, offset: number): number {
  let sum = 0;
  let squares = 0;
  for (const start of starts)
    for (let i = start + offset; i < start + offset + row; i++) {
      sum += picture[i]!;
      squares += picture[i]! ** 2;
    }
  return squares - (sum * sum) / (starts.length * row);
}

function rangeOf(picture: Uint8Array): number {
  let [low, high] = [255, 0];
  for (const value of picture) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return high - low;
}
