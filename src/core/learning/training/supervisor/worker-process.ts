import type { Context } from '../../../base/context.js';
import type { RobleError } from '../../../base/errors.js';
import { startChild, WorkerDied } from '../../../base/process/workers.js';
import type { FolderLock } from '../../../base/storage/folder-lock.js';
import { guestsOf } from '../../../plugin/guard.js';
import type { TrainingProgress } from '../run/events.js';
import type { WorkerStart } from '../worker/open-run.js';
import type { TrainingWorker, WorkerEvent } from '../worker/worker.js';
import { countOomKills } from './oom-kills.js';
import type { WorkerEnd } from './worker-end.js';

const TICK_MS = 1000;

/** The life of one training process. */
export interface WorkerLife {
  readonly end: WorkerEnd;
  /** Whether it had opened its data and its engine. */
  readonly hasBegun: boolean;
  /** The step that it was known to be at. */
  readonly step: number;
  /** What it was doing, and the samples in memory at once in each. */
  readonly inMemory: {
    readonly phase: 'training' | 'evaluation';
    readonly microbatchSize: number;
    readonly evaluationBatchSize: number;
  };
}

/** Runs one training process: passes its events on and the request to stop to it, watches its heartbeat, waits for its end. */
export async function runWorker(
  start: WorkerStart,
  lock: FolderLock,
  { signal, reporter }: Context<TrainingProgress>,
): Promise<WorkerLife> {
  const { retry } = start.request.train;
  const oomKills = await countOomKills();
  const known: Known = { hasBegun: false, step: 0, inMemory: firstSizes(start) };
  const worker = startChild<TrainingWorker>(new URL('../worker/worker.js', import.meta.url), undefined, {
    name: 'The training process',
    guests: guestsOf(start.plugins),
    onEvent(event) {
      heartbeat.sign();
      remember(known, event);
      if (event.type !== 'alive' && event.type !== 'failing') reporter?.report(event);
    },
  });
  const heartbeat = watchHeartbeat(retry.heartbeatTimeoutSeconds, () => worker.kill('heartbeat'));
  // A second signal, or a crash of this process, ends that one too.
  const killWithUs = () => worker.kill();
  process.once('exit', killWithUs);
  let deadline: NodeJS.Timeout | undefined;
  const stop = () => {
    reporter?.report({ type: 'train', event: { kind: 'stopping', reason: 'saving a checkpoint' } });
    // If it has ended already, the end of its life reports that.
    worker.call('stop', undefined).catch(() => {});
    deadline = setTimeout(() => worker.kill('deadline'), retry.saveDeadlineSeconds * 1000);
  };
  if (signal?.aborted) stop();
  else signal?.addEventListener('abort', stop, { once: true });
  try {
    // Nothing is written before the lock names who writes.
    if (worker.processId !== undefined)
      await lock.nameWorker(worker.processId).catch(({ message }) => {
        reporter?.report({ type: 'warning', message: `The lock could not be renewed: ${message}` });
      });
    const end = await worker.call('train', start).then(
      (outcome): WorkerEnd => ({ type: 'done', outcome }),
      (error) => endOf(error, oomKills),
    );
    await worker.close();
    return { end, ...known };
  } finally {
    heartbeat.close();
    clearTimeout(deadline);
    signal?.removeEventListener('abort', stop);
    process.off('exit', killWithUs);
  }
}

async function endOf(error: RobleError, oomKills: number | undefined): Promise<WorkerEnd> {
  // Where it could not be started, the system may have too many processes, or no memory, for a moment.
  if (!(error instanceof WorkerDied) || error.exit.notStarted) return { type: 'failed', error };
  const oomKillsNow = await countOomKills();
  const oomKill = oomKills === undefined || oomKillsNow === undefined ? undefined : oomKillsNow > oomKills;
  return { type: 'died', ...error.exit, oomKill };
}

type Known = { -readonly [Key in Exclude<keyof WorkerLife, 'end'>]: WorkerLife[Key] };

function firstSizes({ request: { train }, ceilings }: WorkerStart): WorkerLife['inMemory'] {
  return {
    phase: 'training',
    microbatchSize: ceilings?.microbatchSize ?? (train.microbatchSize || train.batchSize),
    evaluationBatchSize: ceilings?.evaluationBatchSize ?? train.evaluationBatchSize,
  };
}

/** Keeps what the events tell about how far the worker is. */
function remember(known: Known, event: WorkerEvent): void {
  if (event.type === 'failing') known.step = event.step;
  if (event.type !== 'train') return;
  const reported = event.event;
  const training = (microbatchSize: number) => {
    known.inMemory = { ...known.inMemory, phase: 'training', microbatchSize };
  };
  if (reported.kind === 'started') known.hasBegun = true;
  else if (reported.kind === 'step') {
    known.step = (reported.epoch - 1) * reported.stepsPerEpoch + reported.step;
    training(reported.microbatchSize);
  } else if (reported.kind === 'evaluating')
    known.inMemory = { ...known.inMemory, phase: 'evaluation', evaluationBatchSize: reported.batchSize };
  // The evaluation is over, and the next thing is a step.
  else if (reported.kind === 'epoch') training(known.inMemory.microbatchSize);
  else if (reported.kind === 'checkpoint') known.step = Math.max(known.step, reported.step);
  else if (reported.kind === 'incident') {
    known.step = reported.event.step;
    if (reported.event.microbatchSize !== undefined) training(reported.event.microbatchSize);
  }
}

/**
 * Calls `onLost` when no sign came for so long. It counts its own ticks, not the clock: a laptop that slept has missed
 * both.
 */
function watchHeartbeat(timeoutSeconds: number, onLost: () => void) {
  let silentTicks = 0;
  const timer = setInterval(() => {
    silentTicks++;
    if (timeoutSeconds > 0 && silentTicks * TICK_MS > timeoutSeconds * 1000) onLost();
  }, TICK_MS);
  return {
    sign: () => {
      silentTicks = 0;
    },
    close: () => clearInterval(timer),
  };
}
