import { addedUp, HALF, MASK_BITS, MASK_SCALE, maskIndex, POSITIONS } from './positions.js';
import type { Raster } from './raster.js';

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
  const length = size.width * channels;
  // Each row of the picture, made wider; not yet clamped.
  const wide = new Int32Array(height * length);
  const indices = new Int32Array(4);
  for (const [x, position] of addedUp(
    size.width,
    step.x,
    starts,
    (start) => start * step.x + 0.5 + 1,
  ).entries()) {
    const [w0, w1, w2, w3] = MASKS[maskIndex(position)] as unknown as Weights;
    const left = Math.trunc(position) - 3;
    for (let i = 0; i < 4; i++) indices[i] = Math.min(Math.max(left + i, 0), width - 1) * channels;
    const [i0, i1, i2, i3] = indices as unknown as Weights;
    for (let y = 0; y < height; y++) {
      const row = y * width * channels;
      for (let c = row, to = y * length + x * channels; c < row + channels; c++, to++)
        wide[to] =
          (w0 * pixels[c + i0]! +
            w1 * pixels[c + i1]! +
            w2 * pixels[c + i2]! +
            w3 * pixels[c + i3]! +
            HALF) >>
          MASK_BITS;
    }
  }
  const result = new Uint8ClampedArray(size.height * length);
  for (let y = 0, to = 0; y < size.height; y++) {
    const position = y * step.y + 0.5 + 1;
    const [w0, w1, w2, w3] = MASKS[maskIndex(position)] as unknown as Weights;
    const top = Math.trunc(position) - 3;
    for (let i = 0; i < 4; i++) indices[i] = Math.min(Math.max(top + i, 0), height - 1) * length;
    let [i0, i1, i2, i3] = indices as unknown as Weights;
    for (const end = to + length; to < end; to++)
      result[to] =
        (w0 * wide[i0++]! + w1 * wide[i1++]! + w2 * wide[i2++]! + w3 * wide[i3++]! + HALF) >> MASK_BITS;
  }
  return { pixels: new Uint8Array(result.buffer), ...size, channels };
}

/** Of four neighbours. */
type Weights = readonly [number, number, number, number];

const MASKS = Array.from({ length: POSITIONS + 1 }, (_, i) => catmullRom(i / POSITIONS));

function catmullRom(x: number): Int32Array {
  const rest = 1 - x;
  const common = rest * -0.5 * x;
  const first = rest * common;
  const fourth = x * common;
  const difference = fourth - first;
  const weights = [first, rest - first + difference, x - fourth - difference, fourth];
  return Int32Array.from(weights, (weight) => Math.trunc(weight * MASK_SCALE));
}
