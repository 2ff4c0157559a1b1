import { describe, expect, it } from 'vitest';
import { Random } from '../../base/random.js';
import { findAlikeFeatures } from '../similarity/alike-features.js';
import { findFeatureLabelIssues, leaveOneOut } from './feature-labels.js';

/** Features of samples that scatter about the centre of their class, class after class. */
function clouds(count: number, classes: number, width: number, scatter: number, seed = 1) {
  const random = new Random(seed, 'synthesize');
  const centres = Array.from({ length: classes }, () => Array.from({ length: width }, () => random.normal()));
  const labels = Uint16Array.from({ length: count }, (_, i) => i % classes);
  const features = new Float32Array(count * width).map((_, at) => {
    const label = labels[Math.floor(at / width)]!;
    return 3 + centres[label]![at % width]! + scatter * random.normal();
  });
  return { features, labels };
}

describe('leaveOneOut', () => {
  it('gives what a fit without the sample gives, to rounding', () => {
    const [count, classes, width] = [24, 3, 4];
    const { features, labels } = clouds(count, classes, width, 1);
    const all = leaveOneOut(features, labels, classes);
    for (let i = 0; i < count; i++) {
      const expected = fitWithout(i, features, labels, classes, width);
      for (let c = 0; c < classes; c++) expect(all[i * classes + c]).toBeCloseTo(expected[c]!, 5);
    }
  });

  it('gives shares of one, of few samples and of features that say nothing, too', () => {
    for (const [count, width] of [
      [1, 3],
      [2, 400],
      [9, 400],
    ] as const)
      for (const scatter of [0, 1]) {
        const { features, labels } = clouds(count, 2, width, scatter);
        if (scatter === 0) features.fill(5);
        const shares = leaveOneOut(features, labels, 2);
        for (let i = 0; i < count; i++) expect(shares[2 * i]! + shares[2 * i + 1]!).toBeCloseTo(1, 6);
      }
  });
});

/** Ridge regression on all samples but one, by elimination, with the mean and the penalty of all. */
function fitWithout(
  out: number,
  features: Float32Array,
  labels: Uint16Array,
  classes: number,
  width: number,
): number[] {
  const count = labels.length;
  const mean = Array.from(
    { length: width },
    (_, k) => labels.reduce((sum, _l, i) => sum + features[i * width + k]!, 0) / count,
  );
  // The last input is the constant, which is not penalised.
  const rows = Array.from(labels, (_, i) => [...mean.map((value, k) => features[i * width + k]! - value), 1]);
  const penalty =
    (0.1 / width) * rows.reduce((sum, row) => sum + row.slice(0, width).reduce((s, v) => s + v * v, 0), 0);
  const kept = rows.map((row, i) => ({ row, label: labels[i]! })).filter((_, i) => i !== out);
  const size = width + 1;
  const system = Array.from({ length: size }, (_, a) => [
    ...Array.from({ length: size }, (_, b) =>
      kept.reduce((sum, { row }) => sum + row[a]! * row[b]!, a === b && a < width ? penalty : 0),
    ),
    ...Array.from({ length: classes }, (_, c) =>
      kept.reduce((sum, { row, label }) => sum + (label === c ? row[a]! : 0), 0),
    ),
  ]);
  for (let a = 0; a < size; a++) {
    const pivot = system[a]![a]!;
    system[a] = system[a]!.map((value) => value / pivot);
    for (let b = 0; b < size; b++) {
      const factor = system[b]![a]!;
      if (b !== a) system[b] = system[b]!.map((value, k) => value - factor * system[a]![k]!);
    }
  }
  const scores = Array.from({ length: classes }, (_, c) =>
    Math.max(
      0,
      rows[out]!.reduce((sum, value, a) => sum + value * system[a]![size + c]!, 0),
    ),
  );
  const sum = scores.reduce((a, b) => a + b, 0);
  return scores.map((score) => score / sum);
}

describe('findFeatureLabelIssues', () => {
  it('finds wrong labels and the right ones for them, and hardly another, with many features and with few', () => {
    for (const width of [40, 600]) {
      const { features, labels } = clouds(400, 8, width, 1);
      const wrong = new Set(Array.from({ length: 20 }, (_, k) => 19 * k + 3));
      for (const i of wrong) labels[i] = (labels[i]! + 3) % 8;
      const issues = findFeatureLabelIssues(features, labels, 8);
      const first = issues.filter(({ index }) => wrong.has(index));
      // The rule is to be as sure as the mean of the class, which about half of each class are; hardly any other is doubted.
      expect(first.length).toBeGreaterThanOrEqual(8);
      expect(issues.length - first.length).toBeLessThanOrEqual(1);
      for (const { index, predicted } of first) expect(predicted).toBe((labels[index]! + 5) % 8);
    }
  });

  it('doubts next to nothing where labels are right and classes apart', () => {
    const { features, labels } = clouds(400, 8, 600, 0.5);
    expect(findFeatureLabelIssues(features, labels, 8)).toEqual([]);
  });
});

describe('findAlikeFeatures', () => {
  const WIDTH = 300;
  /** Independent features, and after them copies of some with noise. */
  function withCopies(count: number, copies: number, noise: number) {
    const random = new Random(2, 'synthesize');
    const features = new Float32Array((count + copies) * WIDTH);
    for (let at = 0; at < count * WIDTH; at++) features[at] = 2 + random.normal();
    for (let at = 0; at < copies * WIDTH; at++)
      features[count * WIDTH + at] = features[at]! + noise * random.normal();
    return features;
  }

  it('finds copies and nothing else, each with its original', () => {
    // Noise of 0.2 leaves a cosine of 0.98.
    const { nearest, cosine } = findAlikeFeatures(withCopies(1500, 200, 0.2), 1700);
    const found = Array.from({ length: 200 }, (_, k) => nearest[1500 + k] === k && nearest[k] === 1500 + k);
    expect(found.filter(Boolean).length).toBeGreaterThanOrEqual(196);
    for (let i = 200; i < 1500; i++) expect([nearest[i], cosine[i]]).toEqual([i, 0]);
    for (let k = 0; k < 200; k++) if (found[k]) expect(cosine[k]).toBeGreaterThan(0.96);
  });

  it('compares fewer pairs than there are pictures, where there are two million pairs', () => {
    expect(findAlikeFeatures(withCopies(2000, 0, 0), 2000).comparisons).toBeLessThan(2000);
  });

  it('does with few features and few pictures, and leaves out the mean itself', () => {
    const features = Float32Array.of(1, 0, 1, 0.01, -1, 0, -1, -0.01, 0, 0);
    const { nearest } = findAlikeFeatures(features, 5);
    expect([...nearest]).toEqual([1, 0, 3, 2, 4]);
  });
});
