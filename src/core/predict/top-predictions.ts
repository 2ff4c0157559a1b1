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
  return topClasses(probabilities, topK).map((index) => ({
    label: classes[index]!,
    probability: probabilities[index]!,
  }));
}

/** The same as places in the list of classes. */
export function topClasses(probabilities: Float32Array, topK: number): number[] {
  const count = Math.min(topK, probabilities.length);
  const best: number[] = [];
  // An insertion for each class that is among the best so far: few are, so that this costs little more than looking once.
  for (let label = 0; label < probabilities.length; label++) {
    const probability = probabilities[label]!;
    if (best.length === count && !(probability > probabilities[best[count - 1]!]!)) continue;
    let place = best.length < count ? best.length : count - 1;
    for (; place > 0 && probability > probabilities[best[place - 1]!]!; place--)
      best[place] = best[place - 1]!;
    best[place] = label;
  }
  return best;
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
