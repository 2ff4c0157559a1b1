import type { ErrorCode } from '../../base/errors.js';
import { countOf, formatCount, percent, points, short } from '../../base/text/text.js';
import { SPLITS, type SplitName } from '../../data/dataset/format.js';
import type { BoundResult } from '../analysis/bounds.js';
import type { ClassPair } from '../analysis/findings/classes.js';
import type { EvaluationReport } from '../history/record.js';
import type { Classifier } from './classifier.js';
import type { PairedComparison } from './paired-comparison.js';

/** What models know of one source. */
export interface DataEvaluation {
  readonly path: string;
  readonly split: JudgedSplit;
  /** Of a data set. */
  readonly fingerprint?: string;
  /** Samples that were judged, the same for each model. */
  readonly count: number;
  /** Samples that could not be judged. They are in no metric. */
  readonly leftOut: readonly LeftOutSample[];
  readonly leftOutByCode: Partial<Record<ErrorCode, number>>;
  /** What one should know when reading the numbers. */
  readonly remarks: readonly string[];
  /** Of each model, in their order. */
  readonly evaluations: readonly Evaluation[];
  /** Of each further model with the first. */
  readonly comparisons: readonly PairedComparison[];
  readonly seconds: number;
}

/** Plain data. */
export interface EvaluationResult {
  readonly models: readonly {
    readonly model: string;
    readonly name: string;
    readonly digest: string;
    readonly classes: number;
  }[];
  readonly data: readonly DataEvaluation[];
  /** Each bound for each model on each source; not to be met is no error. */
  readonly bounds: readonly BoundResult[];
}

/** The same with the pictures of each source, which a page shows. */
export interface EvaluatedModels extends EvaluationResult {
  readonly data: readonly DrawnEvaluation[];
}

/** A result with what is needed to draw it. */
export interface DrawnEvaluation extends DataEvaluation {
  /** Of each model. */
  readonly pictures: readonly EvaluationPictures[];
}

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

/** What a picture of an evaluation shows, besides its numbers. */
export interface EvaluationPictures {
  readonly table: ConfusionTable;
  /** What the model saw of `confidentlyWrong`, in that order: uint8, [height, width, channels]. */
  readonly mistakes: readonly Uint8Array[];
  readonly shape: Classifier['input'];
}

/** A sample that could not be judged, and why. */
export interface LeftOutSample {
  readonly source: string;
  readonly code: ErrorCode;
  readonly message: string;
}

/** Which samples are judged; `all`: those of every split, and those of none. */
export type JudgedSplit = SplitName | 'all';
export const JUDGED_SPLITS = [...SPLITS, 'all'] as const satisfies readonly JudgedSplit[];

/** A split in words. */
export function splitText(split: JudgedSplit): string {
  return split === 'all' ? 'all samples' : `split ${split}`;
}

/** The confusion matrix with its classes, for plots. */
export type ConfusionTable = Pick<EvaluationReport, 'classes' | 'confusion'>;

/** The results that are numbers of all samples, in a sentence. */
export function headline(evaluation: Evaluation): string {
  const { count, right, accuracy, accuracyInterval, topK, foldedAccuracy } = evaluation;
  const [low, high] = accuracyInterval;
  return `${[
    `accuracy ${percent(accuracy)} (${formatCount(right)} of ${countOf(count, 'sample')}; 95 % interval ${percent(low)} to ${percent(high)})`,
    `balanced ${percent(evaluation.balancedAccuracy)}`,
    `macro F1 ${percent(evaluation.macroF1)}`,
    ...topK.map(({ k, accuracy: share }) => `among the first ${k} ${percent(share)}`),
    ...(foldedAccuracy === undefined ? [] : [`look-alikes counted as one ${percent(foldedAccuracy)}`]),
    `loss ${numberText(evaluation.loss, short)}`,
    `Brier score ${numberText(evaluation.brierScore, short)}`,
    `calibration error ${numberText(evaluation.expectedCalibrationError, points)}`,
    `${formatCount(Math.round(evaluation.imagesPerSecond))} images/s`,
  ].join(', ')}.`;
}

/** The same for a row of a table: the model, accuracy, its interval, balanced, F1, each top k, loss, calibration error. */
export function modelCells(evaluation: Evaluation): string[] {
  return [
    evaluation.model,
    percent(evaluation.accuracy),
    evaluation.accuracyInterval.map(percent).join(' to '),
    percent(evaluation.balancedAccuracy),
    percent(evaluation.macroF1),
    ...evaluation.topK.map(({ accuracy }) => percent(accuracy)),
    numberText(evaluation.loss, short),
    numberText(evaluation.expectedCalibrationError, points),
  ];
}

/** A number that is null where it would not be finite. */
function numberText(value: number | null, text: (value: number) => string): string {
  return value === null ? 'not finite' : text(value);
}
