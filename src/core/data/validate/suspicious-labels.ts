import type { Context } from '../../base/context.js';
import { type Problem, RobleError } from '../../base/errors.js';
import { countOf, formatCount, percent } from '../../base/text/text.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import { openPredictor } from '../../predict/predictor.js';
import { copyPictures } from '../dataset/pictures.js';
import { formProblems } from '../dataset/same-form.js';
import { type Finding, foundSample, type Subject, type SubjectSplit } from './subject.js';

/** Images that go through the network at a time. */
const BATCH = 256;
/** Largest margin at which the model is sure of another class. Above it there are many look-alikes such as o and O. */
const SURE = -0.9;
/** Share of a split that is surely of another class from which correcting labels comes before anything else. */
const MANY = 0.005;

/**
 * Samples whose labels a trained model doubts, by confident learning, split by split. The model should not have been trained
 * on the split: it may have memorised wrong labels.
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
  { pictures, count }: SubjectSplit,
  classes: number,
  predictor: LabelPredictor,
  { signal, reporter }: Context,
): Promise<Float32Array> {
  const probabilities = new Float32Array(count * classes);
  for (let start = 0; start < count; start += BATCH) {
    signal?.throwIfAborted();
    const end = Math.min(count, start + BATCH);
    const answer = await predictor.predict(copyPictures(pictures, start, end), end - start);
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
      `and is nearly sure of another class for ${formatCount(sure)} of them.`,
    suggestion: wasTrainedOn
      ? 'Look at them, the first ones first. The model was trained on them, so that it may have memorised some ' +
        'wrong labels: judge train with a model of other data.'
      : 'Look at them, the first ones first, and correct or remove those that are wrong. Characters that look alike ' +
        'are doubted, too.',
    samples,
  };
}

/** A sample whose label is probably wrong. */
export interface LabelIssue {
  /** Its index among the samples. */
  readonly index: number;
  /** The class that it seems to be of. */
  readonly predicted: number;
  /** Probability of its label minus that of the most probable other class, -1..1: the lower, the surer. */
  readonly margin: number;
}

/**
 * Finds samples with wrong labels by confident learning (C. Northcutt, L. Jiang, I. Chuang, "Confident Learning:
 * Estimating Uncertainty in Dataset Labels", 2021). A sample counts as one of a class if its probability of that class reaches
 * the average over the samples with that label, so that classes that the model is generally unsure of do not matter. If the most
 * probable of these classes is not the label, the sample is off the diagonal of the confident joint: it is a candidate.
 * Candidates are ranked by their normalised margin.
 *
 * @param probabilities float32, [count, classes], of a model that was not trained on these samples
 * @param labels [count]
 * @returns the surest first
 */
export function findLabelIssues(
  probabilities: Float32Array,
  labels: ArrayLike<number>,
  classes: number,
): LabelIssue[] {
  const thresholds = meanSelfConfidence(probabilities, labels, classes);
  const issues: LabelIssue[] = [];
  for (let i = 0; i < labels.length; i++) {
    const row = probabilities.subarray(i * classes, (i + 1) * classes);
    const predicted = confidentClass(row, thresholds);
    if (predicted === undefined || predicted === labels[i]) continue;
    issues.push({ index: i, predicted, margin: marginOf(row, labels[i]!) });
  }
  return issues.sort((a, b) => a.margin - b.margin);
}

/** The mean probability of each class over the samples with that label; infinite if there are none. */
function meanSelfConfidence(
  probabilities: Float32Array,
  labels: ArrayLike<number>,
  classes: number,
): Float64Array {
  const sums = new Float64Array(classes);
  const counts = new Uint32Array(classes);
  for (let i = 0; i < labels.length; i++) {
    sums[labels[i]!]! += probabilities[i * classes + labels[i]!]!;
    counts[labels[i]!]! += 1;
  }
  return sums.map((sum, label) => (counts[label]! > 0 ? sum / counts[label]! : Infinity));
}

/** The most probable class among those whose threshold is reached. */
function confidentClass(row: Float32Array, thresholds: Float64Array): number | undefined {
  let best: number | undefined;
  for (const [label, probability] of row.entries())
    if (probability >= thresholds[label]! && (best === undefined || probability > row[best]!)) best = label;
  return best;
}

function marginOf(row: Float32Array, label: number): number {
  let other = 0;
  for (const [candidate, probability] of row.entries())
    if (candidate !== label && probability > other) other = probability;
  return row[label]! - other;
}

/** A classifier that judges labels. */
export interface LabelPredictor {
  /** The fingerprint of the data set that it was trained on, if that is known. */
  readonly dataFingerprint?: string;
  /**
   * @param images uint8, [count, height, width, channels], not in shared memory
   * @returns float32, [count, classes], in the order of the data set's classes
   */
  predict(images: Uint8Array, count: number): Promise<Float32Array>;
}

export interface OpenedLabelPredictor extends LabelPredictor {
  close(): Promise<void>;
}

/**
 * The model of a bundle as a judge of labels, on the CPU.
 *
 * @throws {RobleError} `ROBLE_DATASETS_DIFFER` if its classes or its preprocessing are not those of the data set, and what
 *   {@link openPredictor} throws
 */
export async function openLabelPredictor(
  folder: string,
  { manifest }: Pick<Subject, 'manifest'>,
  registry: PluginRegistry,
): Promise<OpenedLabelPredictor> {
  const options = { backend: 'onnx', device: 'cpu', threads: 0 };
  const { bundle, predictor } = await openPredictor(folder, options, registry);
  const problems = formProblems(manifest, bundle.manifest).map(
    (message): Problem => ({ path: folder, message }),
  );
  if (problems.length > 0) {
    await predictor.close();
    throw new RobleError('ROBLE_DATASETS_DIFFER', 'The model cannot judge the labels of this data set.', {
      expected: `the classes, their order and the preprocessing of "${manifest.name}"`,
      problems,
      nextSteps: ['Name a model that was trained on these classes and pictures.'],
    });
  }
  return {
    dataFingerprint: bundle.manifest.training.dataFingerprint,
    predict: (images, count) => predictor.predict(images, count),
    close: () => predictor.close(),
  };
}
