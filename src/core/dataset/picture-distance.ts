import type { PictureShape } from './picture-ink.js';

/** Pictures are tried on each other in all shifts of up to this many pixels. */
const MAX_SHIFT = 1;

export interface PictureTolerance {
  /** Largest energy of the difference, by the energy of both pictures about their means: 0 equal, about 1 unrelated. */
  readonly energy: number;
  /**
   * Largest mean difference over a block of 2x2 pixels, by the range of values in the first picture. Noise averages out
   * in a block; a stroke that lies elsewhere does not.
   */
  readonly block: number;
}

/**
 * Whether two pictures, uint8 [height, width, channels], are the same within a tolerance at the whole-pixel shift where
 * they fit best. What a shift brings in from outside the frame repeats the border.
 */
export function samePicture(
  a: Uint8Array,
  b: Uint8Array,
  shape: PictureShape,
  tolerance: PictureTolerance,
): boolean {
  let least = tolerance.energy * (deviation(a) + deviation(b)) + 1;
  let best: readonly [number, number] | undefined;
  for (let dy = -MAX_SHIFT; dy <= MAX_SHIFT; dy++)
    for (let dx = -MAX_SHIFT; dx <= MAX_SHIFT; dx++) {
      const sum = squaredDifference(a, b, shape, dx, dy, least);
      if (sum >= least) continue;
      least = sum;
      best = [dx, dy];
    }
  return best !== undefined && largestBlock(a, b, shape, best) <= tolerance.block * range(a);
}

/** Ends early when the sum passes `limit`. */
function squaredDifference(
  a: Uint8Array,
  b: Uint8Array,
  { width, height, channels }: PictureShape,
  dx: number,
  dy: number,
  limit: number,
): number {
  let sum = 0;
  for (let y = 0; y < height && sum < limit; y++) {
    const row = clamp(y + dy, height) * width;
    for (let x = 0; x < width; x++) {
      const from = (y * width + x) * channels;
      const to = (row + clamp(x + dx, width)) * channels;
      for (let c = 0; c < channels; c++) {
        const difference = a[from + c]! - b[to + c]!;
        sum += difference * difference;
      }
    }
  }
  return sum;
}

function largestBlock(
  a: Uint8Array,
  b: Uint8Array,
  { width, height, channels }: PictureShape,
  [dx, dy]: readonly [number, number],
): number {
  const difference = (x: number, y: number, c: number) =>
    a[(y * width + x) * channels + c]! -
    b[(clamp(y + dy, height) * width + clamp(x + dx, width)) * channels + c]!;
  let largest = 0;
  for (let y = 0; y + 1 < height; y++)
    for (let x = 0; x + 1 < width; x++)
      for (let c = 0; c < channels; c++) {
        const sum =
          difference(x, y, c) +
          difference(x + 1, y, c) +
          difference(x, y + 1, c) +
          difference(x + 1, y + 1, c);
        largest = Math.max(largest, Math.abs(sum) / 4);
      }
  return largest;
}

function clamp(at: number, size: number): number {
  return at < 0 ? 0 : at >= size ? size - 1 : at;
}

/** Sum of squares about the mean. */
function deviation(picture: Uint8Array): number {
  let sum = 0;
  let squares = 0;
  for (const value of picture) {
    sum += value;
    squares += value * value;
  }
  return squares - (sum * sum) / picture.length;
}

function range(picture: Uint8Array): number {
  let [low, high] = [255, 0];
  for (const value of picture) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return Math.max(1, high - low);
}
