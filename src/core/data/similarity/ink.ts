import type { Preprocessing } from '../../image/settings.js';

export type PictureShape = Pick<Preprocessing, 'width' | 'height' | 'channels'>;

/** Gives a picture of many: uint8, [height, width, channels]. */
export type PictureOf = (index: number) => Uint8Array;

/** Of pictures that lie in one array, one behind the other: uint8, [count, height, width, channels]. */
export function picturesIn(images: Uint8Array, { width, height, channels }: PictureShape): PictureOf {
  const size = width * height * channels;
  return (index) => images.subarray(index * size, (index + 1) * size);
}

/** The paper of a picture, and what was drawn on it. */
export interface PictureLevels {
  /** The median of the pixels, 0..255. */
  readonly ground: number;
  /** The largest distance of a pixel from the ground, 0..255. */
  readonly contrast: number;
}

/** Differences from the ground below this share of the largest count as noise. */
const NOISE_SHARE = 1 / 8;

/**
 * The distance of each pixel from the ground, minus an eighth of the largest such distance, so that noise counts as nothing.
 * Light ink on a dark ground and dark ink on a light one give the same.
 *
 * @param picture uint8, [height, width, channels]
 * @param ink float32, [height, width], is filled: 0 .. 7/8 of the contrast
 */
export function findInk(picture: Uint8Array, { channels }: PictureShape, ink: Float32Array): PictureLevels {
  if (channels === 1) return findGreyInk(picture, ink);
  const counts = new Uint32Array(256);
  let [least, most] = [255, 0];
  for (let i = 0; i < ink.length; i++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += picture[i * channels + c]!;
    const value = Math.fround(sum / channels);
    ink[i] = value;
    if (value < least) least = value;
    if (value > most) most = value;
    counts[Math.round(value)]! += 1;
  }
  const ground = medianOf(counts, ink.length);
  const contrast = Math.fround(Math.max(ground - least, most - ground));
  for (let i = 0; i < ink.length; i++) ink[i] = inkOf(Math.fround(Math.abs(ink[i]! - ground)), contrast);
  return { ground, contrast };
}

/** The same in whole numbers, of which there are only 256. */
function findGreyInk(picture: Uint8Array, ink: Float32Array): PictureLevels {
  const counts = new Uint32Array(256);
  for (let i = 0; i < ink.length; i++) counts[picture[i]!]! += 1;
  const ground = medianOf(counts, ink.length);
  let contrast = 0;
  for (let value = 0; value < 256; value++)
    if (counts[value]! > 0) contrast = Math.max(contrast, Math.abs(value - ground));
  const inks = new Float32Array(256);
  for (let value = 0; value < 256; value++) inks[value] = inkOf(Math.abs(value - ground), contrast);
  for (let i = 0; i < ink.length; i++) ink[i] = inks[picture[i]!]!;
  return { ground, contrast };
}

function inkOf(distance: number, contrast: number): number {
  return Math.max(0, distance - NOISE_SHARE * contrast);
}

/** The value that {@link findInk} gives a pixel that is fully covered with ink. */
export function fullInk({ contrast }: PictureLevels): number {
  return contrast * (1 - NOISE_SHARE);
}

function medianOf(counts: Uint32Array, total: number): number {
  let seen = 0;
  for (let value = 0; value < counts.length; value++) {
    seen += counts[value]!;
    if (2 * seen >= total) return value;
  }
  return 255;
}

/** The centre of the ink in pixels (NaN if there is none) and its sum. */
export function centroid(ink: Float32Array, width: number): { x: number; y: number; total: number } {
  let [x, y, total] = [0, 0, 0];
  for (let start = 0, row = 0; start < ink.length; start += width, row++)
    for (let column = 0; column < width; column++) {
      const value = ink[start + column]!;
      total += value;
      x += value * column;
      y += value * row;
    }
  return { x: x / total, y: y / total, total };
}
