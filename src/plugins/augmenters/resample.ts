import type { ImageView } from '../../core/plugin/index.js';
import type { Box } from './picture.js';

/** A pixel in the fixed-point numbers of {@link RowPositions}. */
export const PIXEL = 65536;

/** Where each pixel of a row comes from, in 1/65536 of a pixel; (0, 0) is the middle of the first pixel. */
export interface RowPositions {
  readonly xs: Int32Array;
  readonly ys: Int32Array;
}

export interface Resampling {
  readonly source: ImageView;
  readonly target: ImageView;
  /** Value of the paper, which is also all around. */
  readonly paper: number;
  /** The ink of the source: outside of it there is paper. */
  readonly ink: Box;
  /** The part of the target where ink can come to lie: outside of it there is paper. */
  readonly touched: Box;
}

/** Resamples pictures. The next picture reuses its memory. */
export class Resampler {
  #positions: RowPositions = { xs: new Int32Array(0), ys: new Int32Array(0) };
  #squares = new Int32Array(0);

  /**
   * Fills a picture from positions in another one, bilinearly, rounded to nearest. Weights are in 1/256, so that all
   * sums fit whole numbers of 32 bits, which are the same everywhere and fast: a result is at most two grey levels off
   * the exact one.
   *
   * @param placeRow fills the positions of a row of the target, from `touched.left` to before `touched.right`
   */
  resample(work: Resampling, placeRow: (y: number, positions: RowPositions) => void): void {
    const { source, target, paper, ink, touched } = work;
    const { width, channels } = source;
    target.data.fill(paper);
    if (this.#positions.xs.length < width)
      this.#positions = { xs: new Int32Array(width), ys: new Int32Array(width) };
    const size = (ink.right - ink.left + 1) * (ink.bottom - ink.top + 1);
    if (this.#squares.length < size * channels) this.#squares = new Int32Array(size * channels);
    const positions = this.#positions;
    const squares = this.#squares;
    for (let c = 0; c < channels; c++) packSquares(work, c, squares, c * size);
    for (let y = touched.top; y < touched.bottom; y++) {
      placeRow(y, positions);
      for (let c = 0; c < channels; c++) sampleRow(work, y, c, positions, squares, c * size);
    }
  }
}

/**
 * Packs each square of four neighbours of a channel into one number, so that a sample takes one access to memory: from
 * the low byte, left above, right above, left below, right below. The first square is the one whose right pixel below
 * is the first of the ink's box.
 *
 * Here and below, `| 0` and `Math.imul` tell the compiler before a loop that numbers are 32-bit integers; otherwise it
 * checks at every pixel, which takes longer than the work.
 */
function packSquares(
  { source, paper, ink }: Resampling,
  channel: number,
  out: Int32Array,
  start: number,
): void {
  const data = source.data;
  const channels = source.channels | 0;
  const stride = Math.imul(source.width, channels);
  const inkWidth = (ink.right - ink.left) | 0;
  const bottom = ink.bottom | 0;
  const blank = paper | 0;
  let to = start | 0;
  for (let y = ink.top | 0; y <= bottom; y++) {
    const hasAbove = y > ink.top;
    const hasBelow = y < bottom;
    let i = (Math.imul(y, stride) + Math.imul(ink.left, channels) + channel) | 0;
    let before = blank | (blank << 16);
    for (let x = 0; x < inkWidth; x++) {
      const above = hasAbove ? data[(i - stride) | 0]! : blank;
      const next = above | ((hasBelow ? data[i]! : blank) << 16);
      out[to] = before | (next << 8);
      before = next;
      to = (to + 1) | 0;
      i = (i + channels) | 0;
    }
    out[to] = before | (blank << 8) | (blank << 24);
    to = (to + 1) | 0;
  }
}

/** Interpolates along x in both halves of a number at once, and then between them. */
function sampleRow(
  { target, ink, touched }: Resampling,
  y: number,
  channel: number,
  { xs, ys }: RowPositions,
  packed: Int32Array,
  first: number,
): void {
  const data = target.data;
  const channels = target.channels | 0;
  const inkWidth = (ink.right - ink.left) | 0;
  const inkHeight = (ink.bottom - ink.top) | 0;
  const beforeLeft = (ink.left - 1) | 0;
  const beforeTop = (ink.top - 1) | 0;
  const stride = (inkWidth + 1) | 0;
  const right = touched.right | 0;
  let out = (Math.imul((Math.imul(y, target.width) + touched.left) | 0, channels) + channel) | 0;
  for (let x = touched.left | 0; x < right; x++) {
    const sx = xs[x]!;
    const sy = ys[x]!;
    const column = ((sx >> 16) - beforeLeft) | 0;
    const row = ((sy >> 16) - beforeTop) | 0;
    // As unsigned numbers, those below 0 are large: one comparison for both ends.
    if (column >>> 0 <= inkWidth && row >>> 0 <= inkHeight) {
      const square = packed[(first + Math.imul(row, stride) + column) | 0]!;
      const fx = (sx >> 8) & 255;
      const fy = (sy >> 8) & 255;
      const halves = (Math.imul(square & 0xff00ff, 256 - fx) + Math.imul((square >>> 8) & 0xff00ff, fx)) | 0;
      data[out] = (Math.imul(halves & 0xffff, 256 - fy) + Math.imul(halves >>> 16, fy) + 32768) >> 16;
    }
    out = (out + channels) | 0;
  }
}
