import { wilsonInterval } from '../../base/statistics.js';
import { normalName } from '../../base/text/names.js';
import { worstPairs } from '../analysis/findings/classes.js';
import { groupsOf } from '../metrics/look-alikes.js';
import {
  BrierScore,
  Calibration,
  ConfusionMatrix,
  MetricTally,
  mostProbable,
  NO_CLASS,
  type PredictionConsumer,
  Ranks,
} from '../metrics/metrics.js';
import { ConfidentMistakes, SHOWN_MISTAKES } from '../metrics/mistakes.js';
import { type Confusion, type ConfusionTable, type Evaluation, NO_SUCH_CLASS } from './result.js';

/** Pairs of classes that are listed. */
const PAIRS = 20;

export interface TallyOptions {
  /** Of the model. */
  readonly classes: readonly string[];
  /** Groups of classes that look alike. */
  readonly lookAlikes: readonly (readonly string[])[];
  /** Which top-k accuracies are wanted. */
  readonly topK: readonly number[];
}

/** What of an evaluation does not come from the answers. */
type Outside = Pick<Evaluation, 'model' | 'imagesPerSecond' | 'trainedOn'>;

/**
 * Counts the answers of one model, sample by sample. A label that the model does not know is a class behind its own, of
 * probability 0.
 */
export class EvaluationTally {
  readonly #options: TallyOptions;
  readonly #indices: ReadonlyMap<string, number>;
  /** By the normal form of a name; undefined where several classes have it. */
  readonly #normalIndices = new Map<string, number | undefined>();
  readonly #metrics: MetricTally;
  readonly #ranks: Ranks;
  readonly #confusion: ConfusionMatrix;
  readonly #calibration = new Calibration();
  readonly #brier = new BrierScore();
  readonly #mistakes = new ConfidentMistakes(SHOWN_MISTAKES);
  readonly #consumers: readonly PredictionConsumer[];
  readonly #unknown = new Map<string, number>();
  readonly #row: Float32Array;
  #count = 0;
  #right = 0;
  #nonFinite = 0;

  constructor(options: TallyOptions) {
    const { classes } = options;
    const rowLength = classes.length + 1;
    this.#options = options;
    this.#indices = new Map(classes.map((name, index) => [name, index]));
    for (const [index, name] of classes.map(normalName).entries())
      this.#normalIndices.set(name, this.#normalIndices.has(name) ? undefined : index);
    this.#metrics = new MetricTally(rowLength);
    this.#ranks = new Ranks(rowLength);
    this.#confusion = new ConfusionMatrix(rowLength);
    this.#consumers = [
      ...[this.#metrics, this.#ranks, this.#confusion, this.#calibration, this.#brier, this.#mistakes],
    ];
    this.#row = new Float32Array(rowLength);
  }

  /** Samples so far. */
  get count(): number {
    return this.#count;
  }

  get #noSuchClass(): number {
    return this.#options.classes.length;
  }

  /**
   * @param answer float32, [classes]
   * @returns whether it is right
   */
  add(label: string, answer: Float32Array): boolean {
    const index = this.#count++;
    this.#row.set(answer);
    const known = this.#indices.get(label) ?? this.#normalIndices.get(normalName(label));
    if (known === undefined) this.#unknown.set(label, (this.#unknown.get(label) ?? 0) + 1);
    const prediction = {
      index,
      label: known ?? this.#noSuchClass,
      predicted: mostProbable(answer),
      probabilities: this.#row,
    };
    for (const consumer of this.#consumers) consumer.add(prediction);
    if (prediction.predicted === NO_CLASS) this.#nonFinite++;
    const isRight = prediction.predicted === prediction.label;
    if (isRight) this.#right++;
    return isRight;
  }

  /** The most certain mistakes so far, as indices into the samples. */
  get mistakes(): ConfidentMistakes['mistakes'] {
    return this.#mistakes.mistakes;
  }

  /** Of the model's classes, and of what stands for none where there is such a label. */
  table(): ConfusionTable {
    const { classes } = this.#options;
    const names = this.#unknown.size > 0 ? [...classes, NO_SUCH_CLASS] : classes;
    return { classes: names, confusion: this.#confusion.counts };
  }

  /**
   * @param samples where the samples of {@link mistakes} came from, by their index, with their labels
   */
  result(
    outside: Outside,
    samples: ReadonlyMap<number, { readonly source: string; readonly label: string }>,
  ): Evaluation {
    const { classes, lookAlikes, topK } = this.#options;
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
    const table = this.table();
    const groups = [...groupsOf(lookAlikes, classes), this.#noSuchClass];
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
      ...(lookAlikes.length > 0 && { foldedAccuracy: this.#confusion.foldedAccuracy(groups) }),
      twins: lookAlikes,
      loss: finiteOrNull(this.#metrics.metrics().valLoss),
      brierScore: finiteOrNull(this.#brier.score()),
      expectedCalibrationError: finiteOrNull(this.#calibration.expectedError()),
      calibration: this.#calibration.bins(),
      perClass,
      worstPairs: worstPairs(table, PAIRS),
      confusions: confusionsOf(table),
      confidentlyWrong: this.mistakes.map(({ index, predicted, probability }) => ({
        ...{ index, source: samples.get(index)!.source, label: samples.get(index)!.label },
        ...{ predicted: classes[predicted]!, probability },
      })),
      unknownLabels,
      unknown,
      nonFinite: this.#nonFinite,
    };
  }
}

function confusionsOf({ classes, confusion }: ConfusionTable): Confusion[] {
  return confusion
    .flatMap(([label, predicted, count]) =>
      label === predicted ? [] : [{ label: classes[label]!, predicted: classes[predicted]!, count }],
    )
    .sort((a, b) => b.count - a.count);
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
