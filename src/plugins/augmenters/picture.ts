import { z } from 'zod';
import type { ImageView } from '../../core/plugin/index.js';

/** An upright box of pixels; `right` and `bottom` are the first outside. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/**
 * The smallest box that holds all that is not paper, in any channel. Most of a drawing is paper, which the slow parts
 * of an augmenter can leave out. Without ink, the box is empty.
 */
export function inkBox({ width, height, channels, data }: ImageView, paper: number): Box {
  const stride = Math.imul(width, channels);
  const blank = paper | 0;
  let first = stride;
  let last = -1;
  let top = -1;
  let bottom = 0;
  for (let y = 0; y < height; y++) {
    const start = Math.imul(y, stride);
    const end = (start + stride) | 0;
    let i = start;
    while (i < end && data[i] === blank) i = (i + 1) | 0;
    if (i === end) continue;
    if (top < 0) top = y;
    bottom = y + 1;
    if (i - start < first) first = (i - start) | 0;
    let j = (end - 1) | 0;
    // A row that ends before the others did tells nothing new.
    const stop = (start + last) | 0;
    while (j > stop && data[j] === blank) j = (j - 1) | 0;
    last = (j - start) | 0;
  }
  if (top < 0) return { left: 0, top: 0, right: 0, bottom: 0 };
  return { left: (first / channels) | 0, top, right: ((last / channels) | 0) + 1, bottom };
}

/** The box, larger by `x` and `y` pixels (not necessarily whole) on each side, as far as it lies in the picture. */
export function growBox({ left, top, right, bottom }: Box, x: number, y: number, within: ImageView): Box {
  return clipBox(left - x, top - y, right + x, bottom + y, within);
}

/** The whole pixels inside of a picture that a box touches. */
export function clipBox(
  left: number,
  top: number,
  right: number,
  bottom: number,
  { width, height }: ImageView,
): Box {
  return {
    left: Math.max(0, Math.min(width, Math.floor(left))),
    top: Math.max(0, Math.min(height, Math.floor(top))),
    right: Math.max(0, Math.min(width, Math.ceil(right))),
    bottom: Math.max(0, Math.min(height, Math.ceil(bottom))),
  };
}

/** The value outside of the picture: 0 is paper for light ink on a dark ground. */
export const background = z.int().min(0).max(255).default(0).describe('Value of the paper, and outside.');

/** A share of the picture's side, or of anything else that is whole at 1. */
export const share = (most: number, byDefault: number, description: string) =>
  z.number().min(0).max(most).default(byDefault).describe(description);
