import type { TrainOptions } from '../../../config/schema.js';
import type { ProgressEvent } from '../../../base/context.js';
import type { SerializedError } from '../../../base/errors.js';
import type { EpochRecord } from '../../history/record.js';
import type { Layer } from '../../../model/spec.js';
import type { PluginEntry } from '../../../plugin/contracts.js';

/** All that a run needs, resolved: plain data, written into `run.json` and sent to the worker. */
export interface RunRequest {
  /** Tells the run from others of the same name. */
  readonly id: string;
  /** Name of the model. */
  readonly name: string;
  /** Folder of the run, claimed by the supervisor. */
  readonly run: string;
  /** Folder of the data set. */
  readonly dataset: string;
  /** Folder of the data set whose split `validation` is used, where it is another one. */
  readonly validation?: string | undefined;
  readonly layers: readonly Layer[];
  readonly train: TrainOptions;
  /** Why the device of `train` was chosen, for people; where the user did not name it. */
  readonly deviceReason?: string | undefined;
}

/** How a run ended without an error. */
export interface RunOutcome {
  readonly stopped: 'completed' | 'stopped-early' | 'interrupted';
  /** Epochs that are complete. */
  readonly epochs: number;
  readonly best: EpochRecord | undefined;
  /** The folder of the exported model; undefined when no epoch was complete. */
  readonly bundle: string | undefined;
}

/** From the supervisor to the worker. */
export type ToWorker = StartMessage | { readonly type: 'stop' };

export interface StartMessage {
  readonly type: 'start';
  readonly request: RunRequest;
  readonly plugins: readonly PluginEntry[];
  /** Go on from the newest good checkpoint, where there is one. */
  readonly resume: boolean;
  /** At most so many samples in memory, because the worker before was ended for its memory. */
  readonly ceilings?: MemoryCeilings;
  /** What a resume changes, in words. */
  readonly settingsChange?: string;
}

export interface MemoryCeilings {
  readonly microbatchSize?: number;
  readonly evaluationBatchSize?: number;
}

/** From the worker to the supervisor. */
export type FromWorker =
  | { readonly type: 'event'; readonly event: ProgressEvent }
  | { readonly type: 'heartbeat' }
  | { readonly type: 'done'; readonly outcome: RunOutcome }
  /** `step`: batches taken by then. */
  | { readonly type: 'failed'; readonly error: SerializedError; readonly step: number };
