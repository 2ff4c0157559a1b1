import type { TrainEvent } from '../../context.js';
import type { DatasetManifest, LoadedSplit } from '../../dataset/format.js';
import type { Dataset } from '../../dataset/open.js';
import type { HistoryWriter } from '../../history/history-writer.js';
import type { HistoryEvent } from '../../history/record.js';
import type { TrainingSession } from '../../plugin/api.js';
import type { BatchSource } from '../batches/batch-source.js';
import type { BatchRecipe } from '../batches/fill-batch.js';
import type { CheckpointProgress } from '../checkpoints/progress.js';
import type { RunRequest } from '../messages.js';
import type { CheckpointSaver } from './checkpoint-saver.js';

/** A run that is going on: what it works with, and how far it is. Made by the worker. */
export interface TrainingRun {
  readonly request: RunRequest;
  readonly dataset: Dataset;
  readonly manifest: DatasetManifest;
  readonly session: TrainingSession;
  readonly recipe: BatchRecipe;
  readonly batches: BatchSource;
  readonly stepsPerEpoch: number;
  readonly validation: LoadedSplit;
  readonly history: HistoryWriter;
  readonly saver: CheckpointSaver;
  /** Microbatch sizes that an earlier attempt recorded for the steps to come. */
  readonly recordedSizes: ReadonlyMap<number, number>;
  readonly emit: (event: TrainEvent) => void;
  /** Asked between steps, in training and in evaluation alike. */
  readonly shouldStop: () => boolean;
  progress: CheckpointProgress;
}

/** Records an event of the run, at the step that it is at unless another is given, and tells it. */
export async function recordEvent(
  { history, emit, progress }: Pick<TrainingRun, 'history' | 'emit' | 'progress'>,
  event: Omit<HistoryEvent, 'time' | 'step'> & { readonly step?: number },
): Promise<void> {
  emit({ kind: 'incident', event: await history.event({ step: progress.step, ...event }) });
}
