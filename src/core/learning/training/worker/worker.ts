import { answerCalls } from '../../../base/process/answer-calls.js';
import type { TrainingProgress } from '../run/events.js';
import type { RunOutcome } from '../run/folder.js';
import { runTrainingLoop } from './loop.js';
import { openRun, type WorkerStart } from './open-run.js';
import type { TrainingRun } from './training-run.js';

/**
 * The training worker: owns the engine, the state, the checkpoints and the history. It hears the supervisor between
 * two steps. Signals of the terminal are the supervisor's; when the supervisor is gone, the worker saves and ends.
 */
export type TrainingWorker = typeof start;

export type WorkerEvent =
  | TrainingProgress
  | { readonly type: 'alive' }
  /** An error follows. `step`: batches taken by then. */
  | { readonly type: 'failing'; readonly step: number };

/** Often enough for the shortest sensible `retry.heartbeatTimeoutSeconds`. */
const HEARTBEAT_MS = 500;

let stopAsked = false;

answerCalls(start, { wrapUp: stop });
process.on('SIGTERM', stop);

function stop(): void {
  stopAsked = true;
}

function start(_: undefined, emit: (event: WorkerEvent) => void) {
  return { stop, train: (settings: WorkerStart) => train(settings, emit) };
}

async function train(settings: WorkerStart, emit: (event: WorkerEvent) => void): Promise<RunOutcome> {
  const heartbeat = setInterval(emit, HEARTBEAT_MS, { type: 'alive' });
  let run: TrainingRun | undefined;
  try {
    run = await openRun(settings, { report: emit, shouldStop: () => stopAsked });
    if (!run) return { stopped: 'interrupted', epochs: 0, best: undefined, bundle: undefined };
    return await runTrainingLoop(run);
  } catch (error) {
    emit({ type: 'failing', step: run?.progress.step ?? 0 });
    throw error;
  } finally {
    clearInterval(heartbeat);
    await run?.batches.close();
    await run?.checkpoints.close();
    await run?.session.close();
  }
}
