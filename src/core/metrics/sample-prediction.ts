/** What the model says of one sample. */
export interface SamplePrediction {
  /** In the split. */
  readonly index: number;
  readonly label: number;
  /** The most probable class; of equal ones the first. */
  readonly predicted: number;
  /** float32, [classes]; only valid while it is looked at. */
  readonly probabilities: Float32Array;
}

/** Looks at predictions, one after the other, so that none has to be kept. */
export interface PredictionConsumer {
  add(prediction: SamplePrediction): void;
}

/** The place of the largest value; of equal ones the first. */
export function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
