import { centroid, findInk, type PictureShape } from './ink.js';

/** Largest spread of the ink across its line, as a share of the picture's shorter side: 2 pixels of 28. */
const NARROW = 0.07;
/** Largest spread of a dot along its line, as such a share; anything longer must be this many times as long as it is wide. */
const SHORT = 0.09;
const STRETCHED = 4;

/**
 * Whether a picture is only a dot, a bar or a flat bow: ink that strays little from one line. Different people often draw the
 * very same pixels of such a mark, so that two equal ones are no sign of a copy.
 *
 * @param picture uint8, [height, width, channels]
 */
export function isPlainMark(picture: Uint8Array, shape: PictureShape): boolean {
  const { width, height } = shape;
  const ink = new Float32Array(width * height);
  findInk(picture, shape, ink);
  const { x, y, total } = centroid(ink, width);
  if (total === 0) return true;
  let [xx, xy, yy] = [0, 0, 0];
  for (let i = 0; i < ink.length; i++) {
    const [right, down] = [(i % width) - x, Math.floor(i / width) - y];
    xx += (ink[i]! * right * right) / total;
    xy += (ink[i]! * right * down) / total;
    yy += (ink[i]! * down * down) / total;
  }
  // The eigenvalues of the covariance are the variances across the line that fits best, and along it.
  const half = Math.hypot(xx - yy, 2 * xy) / 2;
  const across = Math.sqrt(Math.max(0, (xx + yy) / 2 - half));
  const along = Math.sqrt((xx + yy) / 2 + half);
  const side = Math.min(width, height);
  return across <= NARROW * side && (along <= SHORT * side || along >= STRETCHED * across);
}
