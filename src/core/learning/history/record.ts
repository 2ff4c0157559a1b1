import { z } from 'zod';

/** The metrics of one epoch, by the names of the field. */
export interface EpochRecord {
  /** Counts from 1. */
  readonly epoch: number;
  /** Steps since the start of the run: batches that were taken from the data, those whose update was skipped too. */
  readonly step: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly valLoss: number;
  readonly valAccuracy: number;
  readonly valTop3Accuracy: number;
  readonly valBalancedAccuracy: number;
  /** At the last step of the epoch. */
  readonly learningRate: number;
  /** Mean over the applied steps, before clipping. */
  readonly gradientNorm: number;
  /** Steps of the epoch whose update was not applied. */
  readonly skippedSteps: number;
  /** While training, evaluation not counted. */
  readonly imagesPerSecond: number;
  readonly trainSeconds: number;
  readonly evaluationSeconds: number;
}

/** The metrics by which the best epoch is chosen, and how they improve. */
export const MONITORS = { valLoss: 'min', valAccuracy: 'max', valBalancedAccuracy: 'max' } as const;
export type Monitor = keyof typeof MONITORS;

export const HISTORY_EVENTS = [
  'started',
  'resumed',
  /** Ended by a signal or by the caller, with a checkpoint of that step. */
  'interrupted',
  'completed',
  /** Early stopping ended it. */
  'stopped-early',
  'failed',
  /** The training process ended before the training did; `cause` says how. */
  'worker-ended',
  /** A new training process is started after that. */
  'retried',
  /** A step or an evaluation did not fit into the memory. */
  'out-of-memory',
  /** From this step on, gradients are summed over microbatches of `microbatchSize`. */
  'microbatch-changed',
  'step-skipped',
  'rolled-back',
  'learning-rate-cut',
  /** On the validation split some outputs were no finite numbers, so that the epoch cannot be the best. */
  'outputs-not-finite',
  'checkpoint-failed',
  /** A damaged checkpoint was passed over for an older one. */
  'checkpoint-passed-over',
  /** The weight decay that cross-validation chose for a head. */
  'weight-decay-chosen',
  /** Settings that were changed at a resume. */
  'settings-changed',
] as const;
export type HistoryEventName = (typeof HISTORY_EVENTS)[number];

/** How the training process ended, when it did so before the training. */
export const END_CAUSES = [
  'error',
  'out-of-memory',
  'native-crash',
  'killed',
  'heartbeat-lost',
  'exited',
] as const;
export type EndCause = (typeof END_CAUSES)[number];

/** Something that happened to the run. */
export interface HistoryEvent {
  readonly event: HistoryEventName;
  /** ISO 8601. */
  readonly time: string;
  readonly step: number;
  /** For people. */
  readonly detail?: string;
  readonly cause?: EndCause;
  readonly microbatchSize?: number;
  /** Of a skipped step: the indices of its samples in the training split. */
  readonly samples?: readonly number[];
}

/** `history.json`: the whole run. */
export interface RunHistory {
  readonly format: 'roble-history';
  readonly version: 1;
  /** What the run was asked to do, with `dataFingerprint`. */
  readonly run: Readonly<Record<string, unknown>>;
  readonly epochs: EpochRecord[];
  readonly events: HistoryEvent[];
}

/** `evaluation.json`: the best model on the validation split, class by class. */
export interface EvaluationReport {
  readonly format: 'roble-evaluation';
  readonly version: 2;
  readonly epoch: number;
  readonly count: number;
  readonly classes: readonly string[];
  /** Mean cross-entropy, in nats. */
  readonly loss: number;
  readonly accuracy: number;
  readonly top3Accuracy: number;
  readonly balancedAccuracy: number;
  /** Accuracy when the classes of a group of look-alikes count as one; undefined without such groups. */
  readonly foldedAccuracy?: number;
  /** The groups of look-alikes, as labels. */
  readonly twins: readonly (readonly string[])[];
  /** Expected calibration error over 15 bins of equal width (Naeini et al. 2015; Guo et al. 2017). */
  readonly expectedCalibrationError: number;
  /** The bins of it: the mean confidence and the accuracy of the predictions in each. */
  readonly calibration: readonly {
    readonly count: number;
    readonly confidence: number;
    readonly accuracy: number;
  }[];
  /** In the order of `classes`; what cannot be computed (no sample, no prediction) is null. */
  readonly perClass: readonly {
    readonly label: string;
    readonly support: number;
    readonly precision: number | null;
    readonly recall: number | null;
    readonly f1: number | null;
  }[];
  /** How many samples of a class were taken for which, as indices into `classes`, for the pairs that occur. */
  readonly confusion: readonly (readonly [label: number, predicted: number, count: number])[];
  /** The predictions that were most certain and wrong, the most certain first. */
  readonly confidentlyWrong: readonly {
    /** In the validation split. */
    readonly index: number;
    readonly source: string;
    readonly label: string;
    readonly predicted: string;
    readonly probability: number;
  }[];
}

/** The files of a run folder that hold its history. */
export const RUN_FILES = {
  request: 'run.json',
  lines: 'history.jsonl',
  history: 'history.json',
  table: 'history.csv',
  /** For TensorBoard, which knows its files by this name. */
  events: 'events.out.tfevents.roble',
  evaluation: 'evaluation.json',
  mistakes: 'mistakes.png',
  checkpoints: 'checkpoints',
  /** The extractor of a run whose head learns from features. */
  backbone: 'backbone',
  model: 'model',
} as const;

const count = z.int().gte(0);
const share = z.number().gte(0).lte(1);

const pairs: z.ZodType<EvaluationReport['confusion']> = z.array(z.tuple([count, count, count]));
/** Of version 1: rows of true classes with a column for each predicted one. */
const table = z.array(z.array(count));

/** `evaluation.json`, so far as it is used: its tables must fit the list of classes. */
export const evaluationSchema: z.ZodType<EvaluationReport> = z
  .object({
    format: z.literal('roble-evaluation'),
    version: z.literal([1, 2]),
    epoch: count,
    count,
    classes: z.array(z.string()),
    loss: z.number(),
    accuracy: share,
    top3Accuracy: share,
    balancedAccuracy: share,
    foldedAccuracy: z.exactOptional(share),
    twins: z.array(z.array(z.string())),
    expectedCalibrationError: z.number(),
    calibration: z.array(z.object({ count, confidence: z.number(), accuracy: share })),
    perClass: z.array(
      z.object({
        label: z.string(),
        support: count,
        precision: share.nullable(),
        recall: share.nullable(),
        f1: share.nullable(),
      }),
    ),
    confusion: z.union([pairs, table]),
    confidentlyWrong: z.array(
      z.object({
        index: count,
        source: z.string(),
        label: z.string(),
        predicted: z.string(),
        probability: z.number(),
      }),
    ),
  })
  .transform((report) => ({
    ...report,
    version: 2 as const,
    confusion:
      report.version === 1 ? pairsOf(report.confusion) : (report.confusion as EvaluationReport['confusion']),
  }))
  .refine(
    ({ classes, perClass, confusion }) =>
      perClass.length === classes.length &&
      confusion.every(([label, predicted]) => label < classes.length && predicted < classes.length),
    { message: 'the tables do not fit the list of classes' },
  );

function pairsOf(rows: readonly (readonly number[])[]): EvaluationReport['confusion'] {
  return rows.flatMap((row, label) =>
    row.flatMap((times, predicted) => (times > 0 ? [[label, predicted, times] as const] : [])),
  );
}

/** An epoch as it is on the disk: JSON has no NaN, so a metric that was none is null. Newer metrics are let through. */
export const epochSchema = z.looseObject({ epoch: z.int().positive() });

export const eventSchema = z.looseObject({ event: z.string(), time: z.string(), step: z.number() });

/** `history.json`, as strict as reading it needs. */
export const historySchema = z.object({
  format: z.literal('roble-history'),
  version: z.literal(1),
  run: z.record(z.string(), z.unknown()),
  epochs: z.array(epochSchema),
  events: z.array(eventSchema),
});

/** The checked parts as the record that they were written from. */
export function asRunHistory({
  run,
  epochs,
  events,
}: Omit<z.output<typeof historySchema>, 'format' | 'version'>): RunHistory {
  return {
    format: 'roble-history',
    version: 1,
    run,
    epochs: epochs as unknown as EpochRecord[],
    events: events as unknown as HistoryEvent[],
  };
}

/** Events that follow from the settings and the data, so that they come again when steps are made again. */
export const REPEATED_EVENTS: ReadonlySet<string> = new Set<HistoryEventName>([
  'step-skipped',
  'rolled-back',
  'learning-rate-cut',
  'outputs-not-finite',
]);
