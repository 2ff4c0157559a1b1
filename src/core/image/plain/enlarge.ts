import type { Raster } from './raster.js';

/** Positions between two pixels that have a mask of their own. */
const POSITIONS = 64;
/** Fixed point of the masks: 12 bits. */
const MASK_BITS = 12;
const HALF = 1 << (MASK_BITS - 1);

/**
 * Makes a picture larger as libvips does (`vips_affine` with its bicubic interpolator): Catmull and Rom's spline through four by
 * four pixels, in fixed point, half a pixel to the right and below on both axes, also on one that keeps its size.
 *
 * @param scale by how much, at least 1 on each axis
 * @param starts columns of the result at which libvips begins to add up positions, ascending
 */
export function enlarge(
  { pixels, width, height, channels }: Raster,
  scale: { readonly x: number; readonly y: number },
  starts: readonly number[],
): Raster {
  // As libvips inverts the matrix: through its determinant.
  const inverse = 1 / (scale.x * scale.y);
  const step = { x: inverse * scale.y, y: inverse * scale.x };
  const size = { width: Math.floor(width * scale.x + 0.5), height: Math.floor(height * scale.y + 0.5) };
  const across = columnPositions(size.width, step.x, starts);
  const result = new Uint8ClampedArray(size.width * size.height * channels);
  const last = { x: width - 1, y: height - 1 };
  const clamp = (value: number, most: number) => Math.min(Math.max(value, 0), most);
  let to = 0;
  for (let y = 0; y < size.height; y++) {
    const down = y * step.y + 0.5 + 1;
    const weightsY = maskAt(down);
    const top = Math.trunc(down) - 3;
    const rows = [0, 1, 2, 3].map((i) => clamp(top + i, last.y) * width);
    for (const position of across) {
      const weightsX = maskAt(position);
      const left = Math.trunc(position) - 3;
      for (let c = 0; c < channels; c++) {
        let sum = HALF;
        for (let j = 0; j < 4; j++) {
          let row = HALF;
          for (let i = 0; i < 4; i++)
            row += weightsX[i]! * pixels[(rows[j]! + clamp(left + i, last.x)) * channels + c]!;
          sum += weightsY[j]! * (row >> MASK_BITS);
        }
        result[to++] = sum >> MASK_BITS;
      }
    }
  }
  return { pixels: new Uint8Array(result.buffer), ...size, channels };
}

function columnPositions(size: number, step: number, starts: readonly number[]): Float64Array {
  const result = new Float64Array(size);
  for (const [i, start] of starts.entries()) {
    let position = start * step + 0.5 + 1;
    for (let x = start; x < Math.min(size, starts[i + 1] ?? size); x++, position += step)
      result[x] = position;
  }
  return result;
}

const MASKS = Array.from({ length: POSITIONS + 1 }, (_, i) => catmullRom(i / POSITIONS));

function maskAt(position: number): Int32Array {
  const fraction = Math.trunc(position * POSITIONS * 2) & (POSITIONS * 2 - 1);
  return MASKS[(fraction + 1) >> 1]!;
}

function catmullRom(x: number): Int32Array {
  const rest = 1 - x;
  const common = rest * -0.5 * x;
  const first = rest * common;
  const fourth = x * common;
  const difference = fourth - first;
  const weights = [first, rest - first + difference, x - fourth - difference, fourth];
  return Int32Array.from(weights, (weight) => Math.trunc(weight * (1 << MASK_BITS)));
}
