import { wilsonInterval } from '../history/statistics/wilson.js';
import { worstPairs } from '../history/worst-pairs.js';
import { BrierScore } from '../metrics/brier.js';
import { Calibration } from '../metrics/calibration.js';
import { ConfidentMistakes, SHOWN_MISTAKES } from '../metrics/confident-mistakes.js';
import { ConfusionMatrix } from '../metrics/confusion.js';
import { MetricTally } from '../metrics/metrics.js';
import { Ranks } from '../metrics/ranks.js';
import { argmax } from '../metrics/sample-prediction.js';
import { groupsOf } from '../metrics/twins.js';
import { type Confusion, type Evaluation, NO_ANSWER, NO_SUCH_CLASS } from './evaluation.js';

/** Pairs of classes that are listed. */
const PAIRS = 20;

export interface TallyOptions {
  /** Of the model. */
  readonly classes: readonly string[];
  /** Groups of classes that look alike. */
  readonly twins: readonly (readonly string[])[];
  /** Which top-k accuracies are wanted. */
  readonly topK: readonly number[];
}

/** What of an evaluation does not come from the answers. */
type Outside = Pick<Evaluation, 'model' | 'imagesPerSecond' | 'trainedOn'>;

/** The confusion matrix with its classes, for plots. */
export interface ConfusionTable {
  readonly classes: readonly string[];
  readonly confusion: readonly (readonly number[])[];
}

/**
 * Counts the answers of one model, sample by sample. A label that the model does not know is a class behind its own, of
 * probability 0; an answer with a number that is not finite predicts a class behind that one, with no confidence.
 */
export class EvaluationTally {
  readonly #options: TallyOptions;
  readonly #indices: ReadonlyMap<string, number>;
  readonly #metrics: MetricTally;
  readonly #ranks: Ranks;
  readonly #confusion: ConfusionMatrix;
  readonly #calibration = new Calibration();
  readonly #brier = new BrierScore();
  readonly #mistakes = new ConfidentMistakes(SHOWN_MISTAKES);
  readonly #unknown = new Map<string, number>();
  readonly #row: Float32Array;
  #count = 0;
  #right = 0;
  #nonFinite = 0;

  constructor(options: TallyOptions) {
    const { classes } = options;
    const places = classes.length + 2;
    this.#options = options;
    this.#indices = new Map(classes.map((name, index) => [name, index]));
    this.#metrics = new MetricTally(places);
    this.#ranks = new Ranks(places);
    this.#confusion = new ConfusionMatrix(places);
    this.#row = new Float32Array(places);
  }

  /** Samples so far. */
  get count(): number {
    return this.#count;
  }

  get #noSuchClass(): number {
    return this.#options.classes.length;
  }

  get #noAnswer(): number {
    return this.#options.classes.length + 1;
  }

  /**
   * @param answer float32, [classes]
   * @returns whether it is right
   */
  add(label: string, answer: Float32Array): boolean {
    const index = this.#count++;
    const isAnswer = answer.every(Number.isFinite);
    if (isAnswer) this.#row.set(answer);
    else {
      this.#row.fill(0);
      this.#nonFinite++;
    }
    const known = this.#indices.get(label);
    if (known === undefined) this.#unknown.set(label, (this.#unknown.get(label) ?? 0) + 1);
    const prediction = {
      index,
      label: known ?? this.#noSuchClass,
      predicted: isAnswer ? argmax(answer) : this.#noAnswer,
      probabilities: this.#row,
    };
    for (const consumer of [this.#metrics, this.#confusion, this.#calibration, this.#brier, this.#mistakes])
      consumer.add(prediction);
    // Of no answer all classes are equally far down.
    this.#ranks.add(isAnswer ? prediction : { ...prediction, label: this.#noAnswer });
    const isRight = prediction.predicted === prediction.label;
    if (isRight) this.#right++;
    return isRight;
  }

  /** The most certain mistakes so far, as places among the samples. */
  get mistakes(): ConfidentMistakes['mistakes'] {
    return this.#mistakes.mistakes;
  }

  /** Of the classes that there are, and of what stands for none where there is such a sample. */
  table(): ConfusionTable {
    const { classes } = this.#options;
    const names = [...classes, NO_SUCH_CLASS, NO_ANSWER];
    const shown = names.flatMap((_, i) =>
      i < classes.length ||
      this.#confusion.counts.some((row, j) => row[i]! > 0 || this.#confusion.counts[i]![j]! > 0)
        ? [i]
        : [],
    );
    return {
      classes: shown.map((i) => names[i]!),
      confusion: shown.map((i) => shown.map((j) => this.#confusion.counts[i]![j]!)),
    };
  }

  /**
   * @param samples where the samples of {@link mistakes} came from, by their place, with their labels
   */
  result(
    outside: Outside,
    samples: ReadonlyMap<number, { readonly source: string; readonly label: string }>,
  ): Evaluation {
    const { classes, twins, topK } = this.#options;
    const [count, right] = [this.#count, this.#right];
    const unknownLabels = [...this.#unknown]
      .map(([label, times]) => ({ label, count: times }))
      .sort((a, b) => b.count - a.count);
    const unknown = unknownLabels.reduce((sum, { count: times }) => sum + times, 0);
    const perClass = [
      ...this.#confusion.perClass(classes).slice(0, classes.length),
      ...unknownLabels.map(({ label, count: support }) => ({
        ...{ label, support, precision: null, recall: 0, f1: 0 },
      })),
    ];
    const names = [...classes, NO_SUCH_CLASS, NO_ANSWER];
    const table = this.table();
    const groups = [...groupsOf(twins, classes), this.#noSuchClass, this.#noAnswer];
    return {
      ...outside,
      count,
      right,
      accuracy: right / count,
      accuracyInterval: wilsonInterval(right, count),
      knownAccuracy: count === unknown ? null : right / (count - unknown),
      balancedAccuracy: meanOf(perClass.flatMap(({ recall }) => recall ?? [])),
      macroF1: meanOf(perClass.flatMap(({ f1 }) => f1 ?? [])),
      topK: topK.map((k) => ({ k, accuracy: this.#ranks.topAccuracy(Math.min(k, classes.length)) })),
      ...(twins.length > 0 && { foldedAccuracy: this.#confusion.foldedAccuracy(groups) }),
      twins,
      loss: this.#metrics.metrics().valLoss,
      brierScore: this.#brier.score(),
      expectedCalibrationError: this.#calibration.expectedError(),
      calibration: this.#calibration.bins(),
      perClass,
      worstPairs: worstPairs(table, PAIRS),
      confusions: confusionsOf(table),
      confidentlyWrong: this.mistakes.map(({ index, predicted, probability }) => ({
        ...{ index, source: samples.get(index)!.source, label: samples.get(index)!.label },
        ...{ predicted: names[predicted]!, probability },
      })),
      unknownLabels,
      unknown,
      nonFinite: this.#nonFinite,
    };
  }
}

function confusionsOf({ classes, confusion }: ConfusionTable): Confusion[] {
  const found = confusion.flatMap((row, label) =>
    row.flatMap((count, predicted) =>
      count > 0 && predicted !== label
        ? [{ label: classes[label]!, predicted: classes[predicted]!, count }]
        : [],
    ),
  );
  return found.sort((a, b) => b.count - a.count);
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
