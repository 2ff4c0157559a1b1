/** What libvips has alike for all its resampling: masks for positions between two pixels, in fixed point. */

/** Positions between two pixels that have a mask of their own. */
export const POSITIONS = 64;
/** Fixed point of the masks: 12 bits. */
export const MASK_BITS = 12;
export const MASK_SCALE = 1 << MASK_BITS;
export const HALF = MASK_SCALE >> 1;

/** Which of the masks is the nearest: 0 to {@link POSITIONS}. */
export function maskIndex(position: number): number {
  const fraction = Math.trunc(position * POSITIONS * 2) & (POSITIONS * 2 - 1);
  return (fraction + 1) >> 1;
}

/**
 * Where the pixels of an axis lie. libvips adds the step up, from where each part that it computes at once begins, and the
 * rounding of that sum decides which mask is taken.
 *
 * @param starts pixels with which a part begins, ascending
 * @param positionOf of the first pixel of a part
 */
export function addedUp(
  size: number,
  step: number,
  starts: readonly number[],
  positionOf: (start: number) => number,
): Float64Array {
  const result = new Float64Array(size);
  for (const [i, start] of starts.entries()) {
    let position = positionOf(start);
    for (let x = start; x < Math.min(size, starts[i + 1] ?? size); x++, position += step)
      result[x] = position;
  }
  return result;
}
