import type { TrainEvent } from '../context.js';
import type { DatasetManifest, LoadedSplit } from '../dataset/format.js';
import type { TrainingSession } from '../plugin/api.js';
import type { BatchSource } from './batch-source.js';
import type { HistoryWriter } from './history.js';
import type { RunRequest } from './messages.js';

/** What the loop works with; made by the worker. */
export interface TrainingSetup {
  readonly request: RunRequest;
  readonly manifest: DatasetManifest;
  readonly session: TrainingSession;
  readonly batches: BatchSource;
  readonly stepsPerEpoch: number;
  readonly validation: LoadedSplit;
  readonly history: HistoryWriter;
  readonly emit: (event: TrainEvent) => void;
  /** Asked between steps, in training and in evaluation alike. */
  readonly shouldStop: () => boolean;
}
