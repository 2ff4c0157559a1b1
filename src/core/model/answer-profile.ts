import { z } from 'zod';

/** Bins of equal shares of the pictures that a profile is made of. */
const BINS = 20;

const distributionSchema = z
  .strictObject({
    /** Upper bounds of all bins but the last one, ascending. */
    edges: z.array(z.number()),
    /** Of the pictures, for each bin. */
    shares: z.array(z.number().gte(0).lte(1)),
  })
  .refine(({ edges, shares }) => shares.length === edges.length + 1, 'expected one share more than edges');
export type Distribution = z.output<typeof distributionSchema>;

/** How a model answers the pictures that it was validated on: what its answers in service are compared with. */
export const answerProfileSchema = z.strictObject({
  /** Pictures. */
  count: z.int().positive(),
  /** How often each class was the answer, in the order of the classes. */
  classes: z.array(z.number().gte(0).lte(1)),
  /** Of the probability of the most probable class. */
  confidence: distributionSchema,
  /** Of the mean of all values of a picture, 0..255: on a dark ground, how much ink there is. */
  brightness: distributionSchema,
});
export type AnswerProfile = z.output<typeof answerProfileSchema>;

/** What a profile is made of: one picture and its answer. */
export interface MeasuredAnswer {
  /** The most probable class. */
  readonly label: number;
  readonly confidence: number;
  readonly brightness: number;
}

/**
 * @param pixels what the model sees, uint8 [height, width, channels]
 * @param probabilities float32 [classes]
 */
export function measureAnswer(pixels: Uint8Array, probabilities: Float32Array): MeasuredAnswer {
  let label = 0;
  for (let i = 1; i < probabilities.length; i++) if (probabilities[i]! > probabilities[label]!) label = i;
  let sum = 0;
  for (let i = 0; i < pixels.length; i++) sum += pixels[i]!;
  return { label, confidence: probabilities[label]!, brightness: sum / pixels.length };
}

/** The profile of answers, at least one. */
export function profileOf(answers: readonly MeasuredAnswer[], classes: number): AnswerProfile {
  const perClass = Array<number>(classes).fill(0);
  for (const { label } of answers) perClass[label]! += 1;
  return {
    count: answers.length,
    classes: perClass.map((count) => count / answers.length),
    confidence: distributionOf(answers.map(({ confidence }) => confidence)),
    brightness: distributionOf(answers.map(({ brightness }) => brightness)),
  };
}

/** The bin of a value: that of the first edge that is not below it. */
export function binOf(edges: readonly number[], value: number): number {
  let [low, high] = [0, edges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (edges[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Bins between quantiles, so that each holds as many values as the others; fewer bins where many values are equal. */
function distributionOf(values: readonly number[]): Distribution {
  const ascending = Float64Array.from(values).sort();
  const quantiles = Array.from(
    { length: BINS - 1 },
    (_, i) => ascending[Math.ceil(((i + 1) * ascending.length) / BINS) - 1]!,
  );
  const edges = [...new Set(quantiles)];
  const counts = Array<number>(edges.length + 1).fill(0);
  for (const value of values) counts[binOf(edges, value)]! += 1;
  return { edges, shares: counts.map((count) => count / values.length) };
}
