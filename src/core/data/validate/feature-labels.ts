import { projectFeatures } from '../similarity/project-features.js';
import { findLabelIssues, type LabelIssue } from './suspicious-labels.js';

/** Numbers that features are reduced to: what follows takes a time of its square for each picture. */
const SIZE = 256;
/** Weight of the penalty against the mean variance of the features. */
const RIDGE = 0.1;
/**
 * Least margin of another class. Of 40 labels that were made wrong among 785 in 16 classes, 37 are doubted with it, as without;
 * of those of the source, whose classes overlap, 68 instead of 204.
 */
const LEAST_MARGIN = 0.15;

/**
 * Samples whose labels their features doubt: each is judged by a linear classifier that was fitted to all others, and then by
 * confident learning, as `suspicious-labels` does with a trained model. No model has to be trained, and none has memorised the
 * label that it judges.
 *
 * @param features float32, [count, width], of a network that has learned with other pictures
 * @param labels [count]
 * @returns the surest first
 *
 * @example
 * const issues = findFeatureLabelIssues(features, split.labels, manifest.classes.length);
 */
export function findFeatureLabelIssues(
  features: Float32Array,
  labels: ArrayLike<number>,
  classes: number,
): LabelIssue[] {
  const issues = findLabelIssues(leaveOneOut(features, labels, classes), labels, classes);
  return issues.filter(({ margin }) => margin <= -LEAST_MARGIN);
}

/**
 * Probabilities of each sample's class by ridge regression on the others: with the hat matrix H of all samples, the residual of
 * the one left out is its residual among all by 1 - H_ii (D. Allen, "The relationship between variable selection and data
 * augmentation and a method for prediction", 1974), so that one fit does. Time count * 256^2; memory 256^2 and the result.
 *
 * @param features float32, [count, width]
 * @param labels [count]
 * @returns float32, [count, classes], each row summing to 1
 */
export function leaveOneOut(
  features: Float32Array,
  labels: ArrayLike<number>,
  classes: number,
): Float32Array {
  const count = labels.length;
  const out = new Float32Array(count * classes);
  if (count < 2) return out.fill(1 / classes);
  const inputs = projectFeatures(features, count, SIZE);
  const size = inputs.length / count;
  const shares = sharesOf(labels, classes);
  const factor = choleskyOf(penalised(inputs, count, size), size);
  const weights = weightsOf(factor, inputs, labels, shares, size);
  const row = new Float64Array(size);
  for (let i = 0; i < count; i++) {
    row.set(inputs.subarray(i * size, (i + 1) * size));
    const scores = scoresOf(row, weights, shares);
    forward(factor, row, size);
    const left = 1 - 1 / count - row.reduce((sum, value) => sum + value * value, 0);
    for (let c = 0; c < classes; c++) {
      const target = labels[i] === c ? 1 : 0;
      out[i * classes + c] = target - (target - scores[c]!) / Math.max(left, LEAST_LEFT);
    }
    normalise(out.subarray(i * classes, (i + 1) * classes));
  }
  return out;
}

/** Of a sample without which nothing would be known of one direction; the penalty keeps others above it. */
const LEAST_LEFT = 1e-6;

function sharesOf(labels: ArrayLike<number>, classes: number): Float64Array {
  const shares = new Float64Array(classes);
  for (let i = 0; i < labels.length; i++) shares[labels[i]!]! += 1 / labels.length;
  return shares;
}

/** The covariances of the inputs, times their number, and the penalty: float64, [size, size], its lower half. */
function penalised(inputs: Float32Array, count: number, size: number): Float64Array {
  const sums = new Float64Array(size * size);
  for (let i = 0; i < count; i++) {
    const start = i * size;
    for (let a = 0; a < size; a++) {
      const value = inputs[start + a]!;
      for (let b = 0; b <= a; b++) sums[a * size + b]! += value * inputs[start + b]!;
    }
  }
  let trace = 0;
  for (let a = 0; a < size; a++) trace += sums[a * size + a]!;
  // Features that are all the same say nothing, and are divided by the penalty alone.
  const penalty = trace === 0 ? 1 : (RIDGE * trace) / size;
  for (let a = 0; a < size; a++) sums[a * size + a]! += penalty;
  return sums;
}

/** The lower triangle L of a positive definite matrix L L^T, in place. */
function choleskyOf(matrix: Float64Array, size: number): Float64Array {
  for (let a = 0; a < size; a++)
    for (let b = 0; b <= a; b++) {
      let sum = matrix[a * size + b]!;
      for (let k = 0; k < b; k++) sum -= matrix[a * size + k]! * matrix[b * size + k]!;
      matrix[a * size + b] = a === b ? Math.sqrt(sum) : sum / matrix[b * size + b]!;
    }
  return matrix;
}

/** Solves L x = row, in place. */
function forward(factor: Float64Array, row: Float64Array, size: number): void {
  for (let a = 0; a < size; a++) {
    let sum = row[a]!;
    for (let k = 0; k < a; k++) sum -= factor[a * size + k]! * row[k]!;
    row[a] = sum / factor[a * size + a]!;
  }
}

/** Solves L^T x = row, in place. */
function backward(factor: Float64Array, row: Float64Array, size: number): void {
  for (let a = size - 1; a >= 0; a--) {
    let sum = row[a]!;
    for (let k = a + 1; k < size; k++) sum -= factor[k * size + a]! * row[k]!;
    row[a] = sum / factor[a * size + a]!;
  }
}

/** The weights of each class: float64, [size] each. */
function weightsOf(
  factor: Float64Array,
  inputs: Float32Array,
  labels: ArrayLike<number>,
  shares: Float64Array,
  size: number,
): Float64Array[] {
  const weights = Array.from(shares, () => new Float64Array(size));
  // The inputs are about their mean, so that the shares of the classes, which are the targets' means, drop out.
  for (let i = 0; i < labels.length; i++) {
    const own = weights[labels[i]!]!;
    for (let k = 0; k < size; k++) own[k]! += inputs[i * size + k]!;
  }
  for (const own of weights) {
    forward(factor, own, size);
    backward(factor, own, size);
  }
  return weights;
}

function scoresOf(row: Float64Array, weights: readonly Float64Array[], shares: Float64Array): number[] {
  return weights.map((own, c) => {
    let sum = shares[c]!;
    for (let k = 0; k < row.length; k++) sum += own[k]! * row[k]!;
    return sum;
  });
}

/** Scores of a regression on 0 and 1, cut below 0, as shares of their sum. */
function normalise(scores: Float32Array): void {
  let sum = 0;
  for (let c = 0; c < scores.length; c++) {
    scores[c] = Math.max(0, scores[c]!);
    sum += scores[c]!;
  }
  for (let c = 0; c < scores.length; c++) scores[c] = sum === 0 ? 1 / scores.length : scores[c]! / sum;
}
