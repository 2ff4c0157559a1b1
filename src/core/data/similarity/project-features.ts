import { Random } from '../../base/random.js';

/**
 * Features about their mean, reduced to fewer numbers by a random projection, which keeps lengths and angles to within about
 * 1 / sqrt(`size`) (W. Johnson and J. Lindenstrauss, 1984). Where there are no more than `size` features, they stay as they are.
 *
 * @param features float32, [count, width]
 * @param table another number, another projection
 * @returns float32, [count, the smaller of width and size]
 */
export function projectFeatures(
  features: Float32Array,
  count: number,
  size: number,
  table = 0,
): Float32Array {
  const width = features.length / count;
  const mean = meanOf(features, count);
  const kept = Math.min(width, size);
  const out = new Float32Array(count * kept);
  const matrix = width > size ? randomMatrix(width, size, table) : undefined;
  const centred = new Float64Array(width);
  const sums = new Float64Array(kept);
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < width; k++) centred[k] = features[i * width + k]! - mean[k]!;
    if (matrix) {
      multiply(centred, matrix, sums);
      out.set(sums, i * kept);
    } else out.set(centred, i * kept);
  }
  return out;
}

/** The mean of each feature: float64, [width]. */
export function meanOf(features: Float32Array, count: number): Float64Array {
  const width = features.length / count;
  const mean = new Float64Array(width);
  for (let i = 0, at = 0; i < count; i++) for (let k = 0; k < width; k++, at++) mean[k]! += features[at]!;
  return mean.map((sum) => sum / count);
}

/** Normal numbers of variance 1 / size: float64, [width, size]. */
function randomMatrix(width: number, size: number, table: number): Float64Array {
  const random = new Random(0, 'hash', 1, table);
  return new Float64Array(width * size).map(() => random.normal() / Math.sqrt(size));
}

function multiply(row: Float64Array, matrix: Float64Array, out: Float64Array): void {
  const size = out.length;
  out.fill(0);
  for (let k = 0, at = 0; k < row.length; k++) {
    const value = row[k]!;
    for (let j = 0; j < size; j++, at++) out[j]! += value * matrix[at]!;
  }
}
