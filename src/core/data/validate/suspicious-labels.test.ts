import { beforeAll, describe, expect, it } from 'vitest';
import { pixelsOf } from '../../../../test/support/pictures.js';
import { drawnSubject } from '../../../../test/support/subject.js';
import { Random } from '../../base/random.js';
import type { Finding, Subject, SubjectSplit } from './subject.js';
import type { LabelPredictor } from './suspicious-labels.js';
import { findLabelIssues, findSuspiciousLabels } from './suspicious-labels.js';

const CHARACTERS = [...'0247AEKLSX'];

describe('confident learning', () => {
  it('follows the definitions of the paper, as worked out by hand', () => {
    // Thresholds: class 0 (0.9 + 0.8 + 0.1) / 3 = 0.6, class 1 (0.7 + 0.6 + 0.55) / 3 = 0.617.
    const rows = [
      [0, 0.9, 0.1],
      [0, 0.8, 0.2],
      [0, 0.1, 0.9],
      [1, 0.3, 0.7],
      [1, 0.4, 0.6],
      [1, 0.45, 0.55],
    ] as const;
    const probabilities = Float32Array.from(rows.flatMap(([, ...values]) => values));
    const issues = findLabelIssues(
      probabilities,
      rows.map(([label]) => label),
      2,
    );
    expect(issues).toEqual([{ index: 2, predicted: 1, margin: expect.closeTo(-0.8, 6) }]);
  });

  it('never says that a sample is of a class that no sample is labelled with', () => {
    const probabilities = Float32Array.from([0.1, 0.1, 0.8, 0.2, 0.7, 0.1]);
    expect(findLabelIssues(probabilities, [0, 1], 3)).toEqual([]);
  });
});

/** A Parzen window classifier: the share of each class in the weight of the known pictures around a picture. */
function parzenWindow(split: SubjectSplit, classes: number): LabelPredictor {
  const { labels, count } = split;
  const images = pixelsOf(split);
  const size = images.length / count;
  const probabilitiesOf = (picture: Uint8Array): number[] => {
    const weights = new Array<number>(classes).fill(1e-9);
    for (let i = 0; i < count; i++) {
      let distance = 0;
      for (let p = 0; p < size; p++) distance += ((picture[p]! - images[i * size + p]!) / 255) ** 2;
      weights[labels[i]!]! += Math.exp(-distance / 2);
    }
    const total = weights.reduce((a, b) => a + b, 0);
    return weights.map((weight) => weight / total);
  };
  return {
    predict: async (pictures, n) =>
      Float32Array.from(
        Array.from({ length: n }, (_, i) =>
          probabilitiesOf(pictures.subarray(i * size, (i + 1) * size)),
        ).flat(),
      ),
  };
}

/** Gives 5 % of the samples of a split another label, and says which. */
function plantErrors(split: SubjectSplit, classes: number): { split: SubjectSplit; planted: Set<number> } {
  const random = new Random(5, 'balance');
  const labels = new Uint16Array(new SharedArrayBuffer(2 * split.count));
  labels.set(split.labels);
  const planted = new Set(random.permutation(split.count).subarray(0, Math.round(0.05 * split.count)));
  for (const i of planted) labels[i] = (labels[i]! + 1 + random.integer(classes - 1)) % classes;
  return { split: { ...split, labels }, planted };
}

describe('labels that a model doubts', () => {
  let subject: Subject;
  let planted: Set<number>;
  let predictor: LabelPredictor;
  let finding: Finding | undefined;
  beforeAll(async () => {
    const image = { width: 16, height: 16 };
    const [known, judged] = [
      await drawnSubject(CHARACTERS, 200, image, 1),
      await drawnSubject(CHARACTERS, 80, image, 2),
    ];
    const wrong = plantErrors(judged.splits[0]!, CHARACTERS.length);
    planted = wrong.planted;
    subject = { ...judged, splits: [wrong.split] };
    predictor = parzenWindow(known.splits[0]!, CHARACTERS.length);
    [finding] = await findSuspiciousLabels(subject, predictor);
  });

  it('are those that are wrong, the surest first', () => {
    const indices = finding!.samples.map(({ index }) => index);
    const found = (list: readonly number[]) => list.filter((i) => planted.has(i)).length;
    // A ranking by chance would be right one time in twenty.
    expect(found(indices) / indices.length).toBeGreaterThan(0.8);
    // The classifier itself takes some characters for others, and doubts fewer labels then.
    expect(found(indices) / planted.size).toBeGreaterThan(0.6);
    const surest = indices.slice(0, planted.size / 2);
    expect(found(surest) / surest.length).toBeGreaterThan(0.9);
  });

  it('say what they look like and what they are', () => {
    const [first] = finding!.samples;
    expect(first).toMatchObject({
      split: 'train',
      label: CHARACTERS[subject.splits[0]!.labels[first!.index]!],
    });
    expect(first!.detail).toMatch(/^looks like "." \(\d+\.\d %; "." \d+\.\d %\)$/);
    expect(first!.detail).toContain(`"${first!.label}"`);
    expect(finding!.suggestion).not.toContain('memorised');
  });

  it('come with a caution when the model was trained on them', async () => {
    const trained = { ...predictor, dataFingerprint: subject.manifest.fingerprint };
    expect((await findSuspiciousLabels(subject, trained))[0]!.suggestion).toContain('memorised');
  });

  it('can be interrupted', async () => {
    const signal = AbortSignal.abort(new Error('stop'));
    await expect(findSuspiciousLabels(subject, predictor, { signal })).rejects.toThrow('stop');
  });
});
