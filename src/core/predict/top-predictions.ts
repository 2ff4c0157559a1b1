/** A class and how probable it is, 0..1. */
export interface Prediction {
  readonly label: string;
  readonly probability: number;
}

/** The `topK` most probable classes of one image, best first. */
export function topPredictions(
  probabilities: Float32Array,
  classes: readonly string[],
  topK: number,
): Prediction[] {
  return Array.from(probabilities, (probability, label) => ({ label: classes[label]!, probability }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, topK);
}

/** Of several images: float32 [count, classes]. */
export function topPredictionsOfEach(
  probabilities: Float32Array,
  classes: readonly string[],
  topK: number,
): Prediction[][] {
  return Array.from({ length: probabilities.length / classes.length }, (_, i) =>
    topPredictions(probabilities.subarray(i * classes.length, (i + 1) * classes.length), classes, topK),
  );
}
