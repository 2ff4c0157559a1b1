import { packed } from './packed.js';
import { addedUp, HALF, MASK_BITS, MASK_SCALE, maskIndex, POSITIONS } from './positions.js';
import type { PaddedRaster, Raster } from './raster.js';
import { roundHalfEven } from './rounding.js';

/** How many times the size that a mask resamples is the wanted one, at most; the rest is averaged away before. */
const GAP = 2;

/** One axis that is made smaller. */
interface Reduction {
  /** Pixels along the axis afterwards. */
  readonly size: number;
  /** Whole number of pixels of which the average is taken first; 1: none. */
  readonly box: number;
  /** What is left to shrink after that. */
  readonly residual: number;
  /** Where the mask of the first pixel begins, beside the regular place. */
  readonly offset: number;
}

/** Pixels along an axis of `length` pixels that was made smaller. */
export function reducedLength(length: number, shrink: number): number {
  return Math.floor(length / shrink + 0.5);
}

function reduction(length: number, shrink: number): Reduction {
  const size = reducedLength(length, shrink);
  const box = Math.max(1, Math.floor(length / size / GAP));
  // Pixels that are invented at the ends; negative: left out.
  const extra = (size * shrink - length) / box;
  return { size, box, residual: shrink / box, offset: (1 + extra) / 2 - 1 };
}

/**
 * Makes a picture lower as libvips does (`vips_reducev` with a gap of 2): the average of whole rows, then Lanczos' kernel with
 * three lobes in fixed point.
 *
 * @param shrink by how much, more than 1
 * @param starts rows of the result at which libvips begins to add up positions, ascending from 0
 */
export function reduceRows(
  picture: Raster | PaddedRaster,
  shrink: number,
  starts: readonly number[],
): Raster {
  const { size, box, residual, offset } = reduction(picture.height, shrink);
  const boxed = packed(averageRows(picture, box));
  if (residual === 1) return boxed;
  const { pixels, width, height, channels } = boxed;
  const length = width * channels;
  const masks = new Masks(residual);
  const result = new Uint8ClampedArray(size * length);
  const sums = new Int32Array(length);
  const rows = new Int32Array(masks.length);
  for (const [y, position] of positions(size, residual, offset, starts).entries()) {
    const mask = masks.at(position);
    const first = Math.trunc(position) - masks.before;
    sums.fill(HALF);
    for (let i = 0; i < rows.length; i++) rows[i] = Math.min(Math.max(first + i, 0), height - 1) * length;
    addRows(sums, pixels, rows, mask);
    for (let x = 0, to = y * length; x < length; x++, to++) result[to] = sums[x]! >> MASK_BITS;
  }
  return { pixels: new Uint8Array(result.buffer), width, height: size, channels };
}

/**
 * Makes a picture narrower as libvips does (`vips_reduceh`); see {@link reduceRows}.
 *
 * @param starts columns of the result at which libvips begins to add up positions, ascending
 */
export function reduceColumns(picture: Raster, shrink: number, starts: readonly number[]): Raster {
  const { size, box, residual, offset } = reduction(picture.width, shrink);
  const boxed = averageColumns(picture, box);
  if (residual === 1) return boxed;
  const { pixels, width, height, channels } = boxed;
  const masks = new Masks(residual);
  const result = new Uint8ClampedArray(height * size * channels);
  const columns = new Int32Array(masks.length);
  for (const [x, position] of positions(size, residual, offset, starts).entries()) {
    const mask = masks.at(position);
    const first = Math.trunc(position) - masks.before;
    for (let i = 0; i < columns.length; i++)
      columns[i] = Math.min(Math.max(first + i, 0), width - 1) * channels;
    for (let y = 0; y < height; y++) {
      const row = y * width * channels;
      const to = (y * size + x) * channels;
      for (let c = 0; c < channels; c++) {
        let sum = HALF;
        for (let i = 0; i < mask.length; i++) sum += mask[i]! * pixels[row + columns[i]! + c]!;
        result[to + c] = sum >> MASK_BITS;
      }
    }
  }
  return { pixels: new Uint8Array(result.buffer), width: size, height, channels };
}

/** Where the masks of the pixels of an axis lie. */
function positions(size: number, step: number, offset: number, starts: readonly number[]): Float64Array {
  return addedUp(size, step, starts, (start) => (start + 0.5) * step - 0.5 - offset);
}

/** Lanczos' kernel at each position between two pixels, in fixed point, computed when it is first needed. */
class Masks {
  /** Pixels under the kernel. */
  readonly length: number;
  /** Those of them before the pixel that holds the position. */
  readonly before: number;
  readonly #shrink: number;
  readonly #masks: (Int32Array | undefined)[] = [];

  constructor(shrink: number) {
    this.#shrink = shrink;
    this.length = 2 * roundHalfEven(3 * shrink) + 1;
    this.before = Math.ceil(this.length / 2) - 1;
  }

  /** The mask for the nearest of the positions. */
  at(position: number): Int32Array {
    const index = maskIndex(position);
    this.#masks[index] ??= this.#mask(index / POSITIONS);
    return this.#masks[index];
  }

  #mask(at: number): Int32Array {
    const { length } = this;
    const half = at + length / 2 - 1;
    const scale = 1 / this.#shrink;
    const weights = new Float64Array(length);
    let sum = 0;
    for (let i = 0; i < length; i++) {
      weights[i] = lanczos3((i - half) * scale);
      sum += weights[i]!;
    }
    return Int32Array.from(weights, (weight) => Math.trunc((weight / sum) * MASK_SCALE));
  }
}

function lanczos3(x: number): number {
  return x >= -3 && x <= 3 ? sinc(x) * sinc(x / 3) : 0;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

/** Adds weighted rows to `sums`, four at a time: most of the time goes into reading and writing the sums. */
function addRows(sums: Int32Array, pixels: Uint8Array, rows: Int32Array, weights: Int32Array): void {
  const { imul } = Math;
  let i = 0;
  for (; i + 4 <= rows.length; i += 4) {
    let [a, b, c, d] = rows.subarray(i, i + 4) as unknown as [number, number, number, number];
    const [wa, wb, wc, wd] = weights.subarray(i, i + 4) as unknown as [number, number, number, number];
    for (let x = 0; x < sums.length; x++)
      sums[x]! +=
        imul(wa, pixels[a++]!) + imul(wb, pixels[b++]!) + imul(wc, pixels[c++]!) + imul(wd, pixels[d++]!);
  }
  for (; i < rows.length; i++) {
    const [row, weight] = [rows[i]!, weights[i]!];
    for (let x = 0; x < sums.length; x++) sums[x]! += imul(weight, pixels[row + x]!);
  }
}

/** The average of `box` rows, with the last row again where they do not suffice. */
function averageRows(picture: Raster | PaddedRaster, box: number): Raster | PaddedRaster {
  if (box === 1) return picture;
  if (picture.channels === 4 && box <= MOST_IN_HALF) return averagePaddedRows(picture, box);
  const { pixels, width, height, channels } = picture;
  const length = width * channels;
  const size = Math.ceil(height / box);
  const { factor, amend } = average(box);
  const result = new Uint8Array(size * length);
  const sums = new Int32Array(length);
  const rows = new Int32Array(box);
  const ones = new Int32Array(box).fill(1);
  for (let y = 0; y < size; y++) {
    sums.fill(amend);
    for (let i = 0; i < box; i++) rows[i] = Math.min(y * box + i, height - 1) * length;
    addRows(sums, pixels, rows, ones);
    for (let x = 0, to = y * length; x < length; x++, to++) result[to] = Math.imul(sums[x]!, factor) >>> 24;
  }
  return { pixels: result, width, height: size, channels };
}

/** Rows whose sum of bytes fits into 16 bits. */
const MOST_IN_HALF = 256;
/** The first and third byte of four. */
const EVEN = 0x00ff00ff;

/** The same, two bytes of each four at once in the halves of a word. */
function averagePaddedRows({ pixels, width, height }: PaddedRaster, box: number): PaddedRaster {
  const size = Math.ceil(height / box);
  const { factor, amend } = average(box);
  const words = new Int32Array(pixels.buffer, pixels.byteOffset, width * height);
  const result = new Int32Array(width * size);
  const both = amend * 0x10001;
  const mean = (sums: number) => {
    const low = Math.imul(sums & 0xffff, factor) >>> 24;
    return low | ((Math.imul(sums >>> 16, factor) >>> 24) << 16);
  };
  for (let y = 0; y < size; y++) {
    const whole = Math.min(box, height - y * box);
    const last = (height - 1) * width;
    for (let x = 0; x < width; x++) {
      let even = both;
      let odd = both;
      let at = y * box * width + x;
      for (let i = 0; i < whole; i++, at += width) {
        const word = words[at]!;
        even += word & EVEN;
        odd += (word >>> 8) & EVEN;
      }
      for (let i = whole; i < box; i++) {
        const word = words[last + x]!;
        even += word & EVEN;
        odd += (word >>> 8) & EVEN;
      }
      result[y * width + x] = mean(even) | (mean(odd) << 8);
    }
  }
  return { pixels: new Uint8Array(result.buffer), width, height: size, channels: 4 };
}

function averageColumns(picture: Raster, box: number): Raster {
  if (box === 1) return picture;
  const { pixels, width, height, channels } = picture;
  const size = Math.ceil(width / box);
  const { factor, amend } = average(box);
  const result = new Uint8Array(height * size * channels);
  let to = 0;
  for (let y = 0; y < height; y++) {
    const row = y * width * channels;
    for (let x = 0; x < size; x++)
      for (let c = 0; c < channels; c++) {
        let sum = amend;
        for (let i = 0; i < box; i++) sum += pixels[row + Math.min(x * box + i, width - 1) * channels + c]!;
        result[to++] = Math.imul(sum, factor) >>> 24;
      }
  }
  return { pixels: result, width: size, height, channels };
}

/** Division by `box` as a multiplication: the product's highest 8 of 32 bits. */
function average(box: number): { readonly factor: number; readonly amend: number } {
  return { factor: Math.floor(2 ** 32 / (256 * box)), amend: box >> 1 };
}
