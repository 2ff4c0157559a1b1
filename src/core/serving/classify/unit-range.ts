import { RobleError } from '../../base/errors.js';

/**
 * Refuses the numbers of a picture when they are plainly of the scale 0..1: with 255 as white it would be black, and the
 * answer wrong without a word. Whole numbers may be a nearly black picture of the scale 0..255.
 *
 * @throws {RobleError} `ROBLE_REQUEST_INVALID`
 */
export function refuseUnitRange(numbers: ArrayLike<number>): void {
  let hasFraction = false;
  for (let i = 0; i < numbers.length; i++) {
    const number = numbers[i]!;
    if (number > 1) return;
    if (number > 0 && number < 1) hasFraction = true;
  }
  if (hasFraction)
    throw new RobleError('ROBLE_REQUEST_INVALID', 'The pixels are numbers of the scale 0..1.', {
      received: 'no number above 1, and fractions',
      expected: 'numbers of the scale 0..255: multiply them by 255',
    });
}
