import { addedUp, MASK_SCALE, maskIndex, POSITIONS } from './positions.js';
import { roundHalfEven } from './rounding.js';
import { area, type Surface, type Workspace } from './workspace.js';

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
  space: Workspace,
  picture: Surface,
  shrink: number,
  starts: readonly number[],
): Surface {
  const { size, box, residual, offset } = reduction(picture.height, shrink);
  const boxed = averageRows(space, picture, box);
  if (residual === 1) return boxed;
  const { at, pitch, width, height, channels } = boxed;
  const masks = new Masks(space, residual);
  const sums = new Int32Array(2 * size);
  for (const [y, position] of positions(size, residual, offset, starts).entries()) {
    sums[2 * y] = Math.trunc(position) - masks.before;
    sums[2 * y + 1] = masks.at(position);
  }
  const result = space.surface(width, size, channels);
  const length = width * channels;
  space.kernels.resample(at, pitch, length, height, space.put(sums), masks.taps, size, result.at);
  return result;
}

/**
 * Makes a picture narrower as libvips does (`vips_reduceh`); see {@link reduceRows}.
 *
 * @param starts columns of the result at which libvips begins to add up positions, ascending
 */
export function reduceColumns(
  space: Workspace,
  picture: Surface,
  shrink: number,
  starts: readonly number[],
): Surface {
  return transposed(space, reduceRows(space, transposed(space, picture), shrink, starts));
}

function transposed(space: Workspace, picture: Surface): Surface {
  const { width, height, channels } = picture;
  const result = space.surface(height, width, channels);
  space.kernels.transpose(...area(picture), channels, result.at);
  return result;
}

/** The average of `box` rows, with the last row again where they do not suffice. */
function averageRows(space: Workspace, picture: Surface, box: number): Surface {
  if (box === 1) return picture;
  const { at, pitch, width, height, channels } = picture;
  const result = space.surface(width, Math.ceil(height / box), channels);
  space.kernels.average(at, pitch, width * channels, height, box, result.at);
  return result;
}

/** Where the masks of the pixels of an axis lie. */
function positions(size: number, step: number, offset: number, starts: readonly number[]): Float64Array {
  return addedUp(size, step, starts, (start) => (start + 0.5) * step - 0.5 - offset);
}

/** Lanczos' kernel at each position between two pixels, in fixed point, computed when it is first needed. */
class Masks {
  /** Pixels under the kernel, and one without weight that makes them even. */
  readonly taps: number;
  /** Those of them before the pixel that holds the position. */
  readonly before: number;
  readonly #space: Workspace;
  readonly #shrink: number;
  readonly #addresses: (number | undefined)[] = [];
  /** Of the mask that is computed. */
  readonly #weights: Float64Array;

  constructor(space: Workspace, shrink: number) {
    this.#space = space;
    this.#shrink = shrink;
    const half = roundHalfEven(3 * shrink);
    this.taps = 2 * half + 2;
    this.before = half;
    this.#weights = new Float64Array(this.taps);
  }

  /** Where the mask for the nearest of the positions lies: int16 [taps]. */
  at(position: number): number {
    const index = maskIndex(position);
    this.#addresses[index] ??= this.#space.put(this.#mask(index / POSITIONS));
    return this.#addresses[index];
  }

  #mask(at: number): Int16Array {
    const length = this.taps - 1;
    const half = at + length / 2 - 1;
    const scale = 1 / this.#shrink;
    const weights = this.#weights;
    let sum = 0;
    for (let i = 0; i < length; i++) {
      weights[i] = lanczos3((i - half) * scale);
      sum += weights[i]!;
    }
    const mask = new Int16Array(this.taps);
    for (let i = 0; i < length; i++) mask[i] = Math.trunc((weights[i]! / sum) * MASK_SCALE);
    return mask;
  }
}

function lanczos3(x: number): number {
  return x >= -3 && x <= 3 ? sinc(x) * sinc(x / 3) : 0;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}
