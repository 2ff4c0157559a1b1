import type { TensorMap } from '../../../base/storage/safetensors.js';
import type { DatasetManifest, SampleProvenance } from '../../../data/dataset/format.js';
import type { OpenSplit } from '../../../data/dataset/open.js';
import type { HistoryEvent } from '../../history/record.js';
import type { HistoryWriter } from '../../history/writer.js';
import type { CheckpointWriter } from '../checkpoints/writer.js';
import type { EvaluationSamples } from '../evaluation/stream-predictions.js';
import type { MicrobatchRecord } from '../policies/memory.js';
import type { TrainEvent } from '../run/events.js';
import type { RunRequest } from '../run/folder.js';
import { advance, type ProgressUpdate, type RunProgress } from '../run/progress.js';
import type { OpenedSession } from '../run/start.js';

/** A run that is going on: what it works with, and how far it is. Made by `openRun`. */
export interface TrainingRun extends OpenedSession {
  readonly request: RunRequest;
  readonly manifest: DatasetManifest;
  readonly stepsPerEpoch: number;
  readonly validation: OpenSplit;
  /** The same samples as the model takes them: pictures or features. */
  readonly judged: EvaluationSamples;
  /** Where each sample of `validation` came from, in order. */
  readonly provenance: () => AsyncIterable<SampleProvenance>;
  readonly history: HistoryWriter;
  readonly checkpoints: CheckpointWriter;
  readonly microbatches: MicrobatchRecord;
  readonly emit: (event: TrainEvent) => void;
  /** Asked between steps, in training and in evaluation alike. */
  readonly shouldStop: () => boolean;
  /** Changed by {@link advanceRun} alone. */
  readonly progress: RunProgress;
  /** The weights of the best epoch; undefined before there is one. */
  best: TensorMap | undefined;
  /** When the last checkpoint was asked for, by `performance.now()`. */
  savedAt: number;
}

/** Moves a run on: the one place where its progress changes. */
export function advanceRun(run: TrainingRun, update: ProgressUpdate): void {
  const changed: { -readonly [Key in 'progress']: TrainingRun[Key] } = run;
  changed.progress = advance(run.progress, update);
}

/** Records an event of the run in the history, at the step that the run is at unless another is given, and reports it. */
export async function recordEvent(
  { history, emit, progress }: Pick<TrainingRun, 'history' | 'emit' | 'progress'>,
  event: Omit<HistoryEvent, 'time' | 'step'> & { readonly step?: number },
): Promise<void> {
  emit({ kind: 'incident', event: await history.event({ step: progress.step, ...event }) });
}
