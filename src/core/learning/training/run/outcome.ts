import { join } from 'node:path';
import { isHeld } from '../../../base/storage/folder-lock.js';
import { readHistoryIfAny } from '../../history/read-run.js';
import { RUN_FILES, type RunHistory } from '../../history/record.js';
import { bestEpoch, endOf } from '../policies/early-stopping.js';
import { type RunOutcome, type RunRequest, readRequest } from './folder.js';

/** The outcome of a run that has nothing left to do. */
export function finishedOutcome(
  { train, run }: RunRequest,
  { epochs, events }: RunHistory,
): RunOutcome | undefined {
  const isOver = (['completed', 'stopped-early'] as const).some((end) => end === events.at(-1)?.event);
  const end = isOver && endOf(epochs, train);
  if (!end) return undefined;
  const best = bestEpoch(epochs, train.monitor);
  return { stopped: end.stopped, epochs: epochs.length, best, bundle: best && join(run, RUN_FILES.model) };
}

/** Where a run stands, seen from outside. */
export interface RunState {
  readonly run: string;
  /** `training`: a process is at work in it; `interrupted`: `train:resume` goes on with it. */
  readonly state: 'training' | 'finished' | 'interrupted';
  /** Epochs that are complete, of those that it was asked for. */
  readonly epochs: number;
  readonly wantedEpochs: number;
}

/**
 * Looks at a run, also while it is trained.
 *
 * @throws {RobleError} `ROBLE_RUN_INVALID`, `ROBLE_HISTORY_INVALID`
 */
export async function runState(run: string): Promise<RunState> {
  const request = await readRequest(run);
  const history = await readHistoryIfAny(run);
  const isFinished = history !== undefined && finishedOutcome(request, history) !== undefined;
  return {
    run,
    state: (await isHeld(run)) ? 'training' : isFinished ? 'finished' : 'interrupted',
    epochs: history?.epochs.length ?? 0,
    wantedEpochs: request.train.epochs,
  };
}
