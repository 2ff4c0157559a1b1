/** A sample whose label is probably wrong. */
export interface LabelIssue {
  /** Its place among the samples. */
  readonly index: number;
  /** The class that it seems to have. */
  readonly predicted: number;
  /** Probability of its label less that of the most probable other class, -1..1: the lower, the surer. */
  readonly margin: number;
}

/**
 * Finds samples with wrong labels by confident learning (C. Northcutt, L. Jiang, I. Chuang, "Confident Learning:
 * Estimating Uncertainty in Dataset Labels", 2021). A sample counts as one of a class when its probability there reaches
 * that which the samples labelled so have on average, so that a class the model is unsure of is not held against it.
 * Where another class than the label is the most probable of these, the sample lies off the diagonal of the confident
 * joint: it is a candidate. They are ranked by their normalised margin.
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

/** For each class the mean probability of it over the samples labelled so; infinite where there are none. */
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

/** The most probable of the classes whose threshold is reached. */
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
