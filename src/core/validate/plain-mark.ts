import { centroid, findInk, type PictureShape } from '../dataset/picture-ink.js';

/** Of the shorter side: 2 pixels of 28. */
const PLAIN_SPREAD = 0.07;

/**
 * Whether a picture is no more than a dot, a bar or a flat bow: ink that strays little from one line. People who draw
 * such a mark often draw the very same pixels, so that two alike are no sign of a copy.
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
  // The smaller eigenvalue of the covariance is the variance across the line that fits best.
  const across = (xx + yy - Math.hypot(xx - yy, 2 * xy)) / 2;
  return Math.sqrt(Math.max(0, across)) <= PLAIN_SPREAD * Math.min(width, height);
}
