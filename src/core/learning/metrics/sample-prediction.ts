/** What is predicted where the probabilities are not all finite numbers: it is wrong, whatever the label. */
export const NO_CLASS = -1;

/** What the model says of one sample. */
export interface SamplePrediction {
  /** In the split. */
  readonly index: number;
  readonly label: number;
  /** The most probable class; of equal ones the first. {@link NO_CLASS} where not all probabilities are numbers. */
  readonly predicted: number;
  /** float32, [classes]; only valid while it is looked at. */
  readonly probabilities: Float32Array;
}

/** Looks at predictions, one after the other, so that none has to be kept. */
export interface PredictionConsumer {
  add(prediction: SamplePrediction): void;
}

/** The place of the largest probability; of equal ones the first. {@link NO_CLASS} where not all are finite numbers. */
export function mostProbable(probabilities: Float32Array): number {
  let best = 0;
  for (let i = 0; i < probabilities.length; i++) {
    if (!Number.isFinite(probabilities[i])) return NO_CLASS;
    if (probabilities[i]! > probabilities[best]!) best = i;
  }
  return best;
}
