import type { TensorMap } from '../../../base/storage/safetensors.js';
import type { DatasetManifest, LoadedSplit, SampleProvenance } from '../../../data/dataset/format.js';
import type { TrainingSession } from '../../../plugin/contracts.js';
import type { HistoryEvent } from '../../history/record.js';
import type { HistoryWriter } from '../../history/writer.js';
import type { BatchRecipe } from '../batches/batch.js';
import type { BatchSource } from '../batches/batch-source.js';
import type { CheckpointProgress } from '../checkpoints/checkpoint.js';
import type { MicrobatchRecord } from '../policies/memory.js';
import type { TrainEvent } from '../run/events.js';
import type { RunRequest } from '../run/folder.js';
import type { CheckpointSaver } from './save.js';

/** A run that is going on: what it works with, and how far it is. Made by the worker. */
export interface TrainingRun {
  readonly request: RunRequest;
  readonly manifest: DatasetManifest;
  readonly session: TrainingSession;
  readonly recipe: BatchRecipe;
  readonly batches: BatchSource;
  readonly stepsPerEpoch: number;
  readonly validation: LoadedSplit;
  /** Where each sample of `validation` came from, in order. */
  readonly provenance: () => AsyncIterable<SampleProvenance>;
  readonly history: HistoryWriter;
  readonly saver: CheckpointSaver;
  readonly microbatches: MicrobatchRecord;
  readonly emit: (event: TrainEvent) => void;
  /** Asked between steps, in training and in evaluation alike. */
  readonly shouldStop: () => boolean;
  progress: CheckpointProgress;
  /** The weights of the best epoch; undefined before there is one. */
  best: TensorMap | undefined;
}

/** The epoch that is being trained or evaluated, from 1; at the end of an epoch that one. */
export function epochInWork({ progress: { epochs, current } }: Pick<TrainingRun, 'progress'>): number {
  return epochs.length + (current.steps > 0 ? 1 : 0);
}

/** Records an event of the run, at the step that it is at unless another is given, and tells it. */
export async function recordEvent(
  { history, emit, progress }: Pick<TrainingRun, 'history' | 'emit' | 'progress'>,
  event: Omit<HistoryEvent, 'time' | 'step'> & { readonly step?: number },
): Promise<void> {
  emit({ kind: 'incident', event: await history.event({ step: progress.step, ...event }) });
}
