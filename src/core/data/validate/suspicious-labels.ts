import type { Context } from '../../base/context.js';
import { countOf, formatCount } from '../../base/text.js';
import { findLabelIssues, type LabelIssue } from './confident-learning.js';
import type { Finding } from './finding.js';
import type { LabelPredictor } from './label-predictor.js';
import { foundSample, type Subject, type SubjectSplit } from './subject.js';

/** Images that go through the network at a time. */
const BATCH = 256;
/** A margin as low as this: the model is sure of another class. Above it, look-alikes such as o and O abound. */
const SURE = -0.9;
/** From this share of a split on that is surely another class, labels are worth mending before anything else. */
const MANY = 0.005;

/**
 * Samples whose labels a trained model doubts, by confident learning, split by split. The model should not have been
 * trained on the split: it may have learnt the wrong labels by heart.
 *
 * @throws {RobleError} `ROBLE_INTERRUPTED`, and what the model throws
 */
export async function findSuspiciousLabels(
  subject: Subject,
  predictor: LabelPredictor,
  context: Context = {},
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const split of subject.splits) {
    const probabilities = await predictAll(split, subject.manifest.classes.length, predictor, context);
    const issues = findLabelIssues(probabilities, split.labels, subject.manifest.classes.length);
    if (issues.length > 0) findings.push(describe(subject, split, issues, probabilities, predictor));
  }
  return findings;
}

/** @returns float32, [count, classes] */
async function predictAll(
  { images, count }: SubjectSplit,
  classes: number,
  predictor: LabelPredictor,
  { signal, reporter }: Context,
): Promise<Float32Array> {
  const size = images.length / count;
  const probabilities = new Float32Array(count * classes);
  for (let start = 0; start < count; start += BATCH) {
    signal?.throwIfAborted();
    const end = Math.min(count, start + BATCH);
    const answer = await predictor.predict(images.subarray(start * size, end * size), end - start);
    probabilities.set(answer, start * classes);
    reporter?.report({ type: 'progress', id: 'judge-labels', done: end, total: count, unit: 'images' });
  }
  return probabilities;
}

function describe(
  subject: Subject,
  split: SubjectSplit,
  issues: readonly LabelIssue[],
  probabilities: Float32Array,
  { dataFingerprint }: LabelPredictor,
): Finding {
  const { classes, fingerprint } = subject.manifest;
  const sure = issues.filter(({ margin }) => margin <= SURE).length;
  const wasTrainedOn = split.split === 'train' && dataFingerprint === fingerprint;
  const percent = (value: number) => `${(100 * value).toFixed(1)} %`;
  const samples = issues.map(({ index, predicted }) => {
    const of = (label: number) => percent(probabilities[index * classes.length + label]!);
    const label = split.labels[index]!;
    const detail = `looks like "${classes[predicted]}" (${of(predicted)}; "${classes[label]}" ${of(label)})`;
    return foundSample(subject, split, index, detail);
  });
  return {
    check: 'suspicious-labels',
    severity: sure >= MANY * split.count ? 'warning' : 'info',
    message:
      `The model doubts ${countOf(issues.length, 'label')} of ${split.split} (${percent(issues.length / split.count)}), ` +
      `and is all but sure of another class for ${formatCount(sure)} of them.`,
    suggestion: wasTrainedOn
      ? 'Look at them, the first ones first. The model was trained on them, so that it may have learnt some wrong ' +
        'labels by heart: judge train with a model of other data.'
      : 'Look at them, the first ones first, and correct or remove those that are wrong. Characters that look alike ' +
        'are doubted too.',
    samples,
  };
}
