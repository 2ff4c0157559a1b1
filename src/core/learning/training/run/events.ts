import type { ProgressEvent } from '../../../base/context.js';
import type { HistoryEvent, Monitor } from '../../history/record.js';

/** What an operation that trains reports. */
export type TrainingProgress = ProgressEvent | { readonly type: 'train'; readonly event: TrainEvent };

/** What a training run reports while it lives; the metrics use the names of the history. */
export type TrainEvent =
  | {
      readonly kind: 'started';
      readonly run: string;
      readonly epochs: number;
      readonly stepsPerEpoch: number;
      readonly device: string;
      readonly model: string;
      readonly parameters: number;
      readonly trainCount: number;
      readonly validationCount: number;
      /** The metric whose best epoch is exported. */
      readonly monitor: Monitor;
      readonly batchSize: number;
      /** Steps that were made before, when the run goes on from a checkpoint; 0 for a new one. */
      readonly firstStep: number;
      /** Epochs that were complete by then, with their metrics. */
      readonly history: readonly Readonly<Record<string, number>>[];
    }
  | {
      readonly kind: 'step';
      readonly epoch: number;
      readonly step: number;
      readonly stepsPerEpoch: number;
      readonly metrics: Readonly<Record<string, number>>;
      readonly etaMs: number;
      /** Resident memory of the training process. */
      readonly memoryBytes: number;
      /** Samples whose activations are in memory at once; less than the batch when memory is short. */
      readonly microbatchSize: number;
    }
  | {
      readonly kind: 'evaluating';
      readonly epoch: number;
      readonly done: number;
      readonly total: number;
      /** Images in memory at once. */
      readonly batchSize: number;
    }
  | {
      readonly kind: 'epoch';
      readonly epoch: number;
      readonly metrics: Readonly<Record<string, number>>;
      readonly best: boolean;
    }
  /** A checkpoint is on the disk and was read back: whatever happens, the run can go on from here. `step` counts over the run. */
  | {
      readonly kind: 'checkpoint';
      readonly epoch: number;
      readonly step: number;
      readonly file: string;
      /** How long training waited for it, in milliseconds. */
      readonly stallMs: number;
    }
  /** Something that the history records: a retry, a skipped step, a lack of memory and the like. */
  | { readonly kind: 'incident'; readonly event: HistoryEvent }
  | { readonly kind: 'stopping'; readonly reason: string }
  | { readonly kind: 'exported'; readonly bundle: string };
