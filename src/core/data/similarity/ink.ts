import type { Preprocessing } from '../../image/settings.js';

export type PictureShape = Pick<Preprocessing, 'width' | 'height' | 'channels'>;

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
  const counts = new Uint32Array(256);
  for (let i = 0; i < ink.length; i++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += picture[i * channels + c]!;
    ink[i] = sum / channels;
    counts[Math.round(ink[i]!)]! += 1;
  }
  const ground = medianOf(counts, ink.length);
  let contrast = 0;
  for (let i = 0; i < ink.length; i++) {
    ink[i] = Math.abs(ink[i]! - ground);
    contrast = Math.max(contrast, ink[i]!);
  }
  const noise = NOISE_SHARE * contrast;
  for (let i = 0; i < ink.length; i++) ink[i] = Math.max(0, ink[i]! - noise);
  return { ground, contrast };
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
  for (let i = 0; i < ink.length; i++) {
    total += ink[i]!;
    x += ink[i]! * (i % width);
    y += ink[i]! * Math.floor(i / width);
  }
  return { x: x / total, y: y / total, total };
}
