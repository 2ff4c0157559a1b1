import type { EvaluationReport } from '../history/record.js';
import type { ClassPair } from '../analysis/findings/worst-pairs.js';

/** How well a model knows samples. Plain data. */
export interface Evaluation {
  /** Folder of the bundle, or address of the server. */
  readonly model: string;
  /** Samples that were judged. */
  readonly count: number;
  readonly right: number;
  /** The share that is right. A sample whose label the model does not know is wrong, and so is one without an answer. */
  readonly accuracy: number;
  /** The 95 % confidence interval of the accuracy (Wilson 1927). */
  readonly accuracyInterval: readonly [low: number, high: number];
  /** The accuracy on the samples whose labels the model knows; null without such samples. */
  readonly knownAccuracy: number | null;
  /** Mean recall of the labels that there are. */
  readonly balancedAccuracy: number;
  /** Mean F1 of the labels that there are or that are predicted. */
  readonly macroF1: number;
  /** The share whose class is among the `k` most probable. */
  readonly topK: readonly { readonly k: number; readonly accuracy: number }[];
  /** Accuracy when the classes of a group of look-alikes count as one; undefined without such groups. */
  readonly foldedAccuracy?: number;
  /** The groups of look-alikes, as labels. */
  readonly twins: EvaluationReport['twins'];
  /** Mean cross-entropy, in nats: the negative log likelihood. A probability of 0 counts as 1e-12. Null where an answer is not finite. */
  readonly loss: number | null;
  /** Of all classes, 0..2 (Brier 1950). Null where an answer is not finite. */
  readonly brierScore: number | null;
  /** Over 15 bins of equal width, as while training. Null where no answer is finite. */
  readonly expectedCalibrationError: number | null;
  readonly calibration: EvaluationReport['calibration'];
  /** In the order of the model's classes; then labels that it does not know. */
  readonly perClass: EvaluationReport['perClass'];
  readonly worstPairs: readonly ClassPair[];
  /** Mistakes by label and prediction, the most frequent first. */
  readonly confusions: readonly Confusion[];
  /** The predictions that were most certain and wrong, the most certain first. */
  readonly confidentlyWrong: readonly ConfidentMistake[];
  /** Labels that the model does not know, the most frequent first. */
  readonly unknownLabels: readonly { readonly label: string; readonly count: number }[];
  /** Samples whose label the model does not know. */
  readonly unknown: number;
  /** Samples that got an answer with a number that is not finite: they are wrong. */
  readonly nonFinite: number;
  /** Samples whose picture, pixel by pixel, is among those that the model was trained on; undefined where nobody can tell. */
  readonly trainedOn?: number;
  /** While predicting; reading and decoding are not counted, but for a server that does both. */
  readonly imagesPerSecond: number;
}

export interface Confusion {
  readonly label: string;
  readonly predicted: string;
  readonly count: number;
}

export interface ConfidentMistake {
  /** Among the samples that were judged. */
  readonly index: number;
  readonly source: string;
  readonly label: string;
  readonly predicted: string;
  readonly probability: number;
}

/** What stands for the true class where the model has none. */
export const NO_SUCH_CLASS = '(unknown to the model)';
