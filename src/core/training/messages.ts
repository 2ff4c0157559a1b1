import type { TrainOptions } from '../config/schema.js';
import type { TrainEvent } from '../context.js';
import type { SerializedError } from '../errors.js';
import type { Layer } from '../model/spec.js';
import type { PluginEntry } from '../plugin/api.js';
import type { EpochRecord } from './history.js';

/** All that a run needs, resolved: plain data, written into `run.json` and sent to the worker. */
export interface RunRequest {
  /** Name of the model. */
  readonly name: string;
  /** Folder of the run, claimed by the supervisor. */
  readonly run: string;
  /** Folder of the data set. */
  readonly dataset: string;
  readonly layers: readonly Layer[];
  readonly train: TrainOptions;
}

/** How a run ended without an error. */
export interface RunOutcome {
  readonly stopped: 'completed' | 'interrupted';
  readonly epochs: number;
  readonly best: EpochRecord | undefined;
  /** The folder of the exported model; undefined when no epoch was complete. */
  readonly bundle: string | undefined;
}

/** From the supervisor to the worker. */
export type ToWorker =
  | { readonly type: 'start'; readonly request: RunRequest; readonly plugins: readonly PluginEntry[] }
  | { readonly type: 'stop' };

/** From the worker to the supervisor. */
export type FromWorker =
  | { readonly type: 'event'; readonly event: TrainEvent }
  | { readonly type: 'done'; readonly outcome: RunOutcome }
  | { readonly type: 'failed'; readonly error: SerializedError };
