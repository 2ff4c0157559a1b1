import type { SerializedError } from '../../../base/errors.js';
import type { PluginEntry } from '../../../plugin/contracts.js';
import type { TrainingProgress } from './events.js';
import type { RunOutcome, RunRequest } from './folder.js';

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
  | { readonly type: 'event'; readonly event: TrainingProgress }
  | { readonly type: 'heartbeat' }
  | { readonly type: 'done'; readonly outcome: RunOutcome }
  /** `step`: batches taken by then. */
  | { readonly type: 'failed'; readonly error: SerializedError; readonly step: number };
