import { type ChildProcess, fork } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import type { Context } from '../../../base/context.js';
import { RobleError } from '../../../base/errors.js';
import type { FolderLock } from '../../../base/storage/folder-lock.js';
import type { TrainingProgress } from '../run/events.js';
import type { FromWorker, StartMessage, ToWorker } from '../run/messages.js';
import type { WorkerEnd } from './worker-end.js';

/** Bytes of the worker's last words that are kept. */
const LAST_WORDS = 4000;
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
  start: Omit<StartMessage, 'type'>,
  lock: FolderLock,
  { signal, reporter }: Context<TrainingProgress>,
): Promise<WorkerLife> {
  const { retry } = start.request.train;
  const oomKills = await countOomKills();
  const child = fork(new URL('../worker/worker.js', import.meta.url), [], {
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  // A second signal, or a crash of this process, ends that one too.
  const killWithUs = () => child.kill('SIGKILL');
  process.once('exit', killWithUs);
  const tell = (message: ToWorker) => child.connected && child.send(message, () => {});
  const lastWords = collectLastWords(child);
  const known: Known = { hasBegun: false, step: 0, inMemory: firstSizes(start) };
  const warn = (message: string) => reporter?.report({ type: 'warning', message });
  let endedFor: 'heartbeat' | 'deadline' | undefined;
  const end = (reason: typeof endedFor) => {
    endedFor ??= reason;
    child.kill('SIGKILL');
  };
  const watch = watchHeartbeat(retry.heartbeatTimeoutSeconds, () => end('heartbeat'));
  let deadline: NodeJS.Timeout | undefined;
  const stop = () => {
    reporter?.report({ type: 'train', event: { kind: 'stopping', reason: 'saving a checkpoint' } });
    tell({ type: 'stop' });
    deadline = setTimeout(() => end('deadline'), retry.saveDeadlineSeconds * 1000);
  };
  try {
    return await new Promise<WorkerLife>((settle) => {
      let last: WorkerEnd | undefined;
      child.on('message', (message: FromWorker) => {
        watch.sign();
        if (message.type === 'event') {
          remember(known, message.event);
          reporter?.report(message.event);
        } else if (message.type === 'done') last = message;
        else if (message.type === 'failed') {
          known.step = message.step;
          last = { type: 'failed', error: RobleError.fromJSON(message.error) };
        }
      });
      // It could not be started: the system may have too many processes, or no memory, for a moment.
      child.on('error', (cause) => {
        if (child.pid !== undefined) return warn(`The training process: ${cause.message}`);
        const error = new RobleError('ROBLE_WORKER_DIED', 'The training process could not be started.', {
          received: cause.message,
          cause,
        });
        settle({ end: { type: 'failed', error }, ...known });
      });
      if (child.pid === undefined) return;
      // Not 'exit': messages and last words may still be on their way then.
      child.on('close', async (code, killedBy) => {
        const oomKillsNow = await countOomKills();
        const oomKill =
          oomKills === undefined || oomKillsNow === undefined ? undefined : oomKillsNow > oomKills;
        const died = { type: 'died', code, signal: killedBy, lastWords: lastWords(), oomKill } as const;
        settle({ end: last ?? { ...died, ...(endedFor && { endedFor }) }, ...known });
      });
      // Nothing is written before the lock names who writes.
      lock
        .nameWorker(child.pid)
        .catch((error) => warn(`The lock could not be renewed: ${error.message}`))
        .finally(() => tell({ type: 'start', ...start }));
      if (signal?.aborted) stop();
      else signal?.addEventListener('abort', stop, { once: true });
    });
  } finally {
    watch.close();
    clearTimeout(deadline);
    signal?.removeEventListener('abort', stop);
    process.off('exit', killWithUs);
  }
}

type Known = { -readonly [Key in Exclude<keyof WorkerLife, 'end'>]: WorkerLife[Key] };

function firstSizes({ request: { train }, ceilings }: Omit<StartMessage, 'type'>): WorkerLife['inMemory'] {
  return {
    phase: 'training',
    microbatchSize: ceilings?.microbatchSize ?? (train.microbatchSize || train.batchSize),
    evaluationBatchSize: ceilings?.evaluationBatchSize ?? train.evaluationBatchSize,
  };
}

/** Keeps what the events tell about how far the worker is. */
function remember(known: Known, event: Extract<FromWorker, { type: 'event' }>['event']): void {
  if (event.type !== 'train') return;
  const told = event.event;
  const training = (microbatchSize: number) => {
    known.inMemory = { ...known.inMemory, phase: 'training', microbatchSize };
  };
  if (told.kind === 'started') known.hasBegun = true;
  else if (told.kind === 'step') {
    known.step = (told.epoch - 1) * told.stepsPerEpoch + told.step;
    training(told.microbatchSize);
  } else if (told.kind === 'evaluating')
    known.inMemory = { ...known.inMemory, phase: 'evaluation', evaluationBatchSize: told.batchSize };
  // The evaluation is over, and the next thing is a step.
  else if (told.kind === 'epoch') training(known.inMemory.microbatchSize);
  else if (told.kind === 'checkpoint') known.step = Math.max(known.step, told.step);
  else if (told.kind === 'incident') {
    known.step = told.event.step;
    if (told.event.microbatchSize !== undefined) training(told.event.microbatchSize);
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

function collectLastWords(child: ChildProcess): () => string {
  let text = '';
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-LAST_WORDS);
  });
  return () => text.trim();
}

/** Where the kernel counts the processes that it killed for memory: the control group's files, and the whole system's. */
const COUNTERS = [
  '/sys/fs/cgroup/memory.events',
  '/sys/fs/cgroup/memory/memory.oom_control',
  '/proc/vmstat',
] as const;

/** Kills for lack of memory so far; undefined where this system does not tell. */
async function countOomKills(): Promise<number | undefined> {
  const counts = (await Promise.all(COUNTERS.map(readCounter))).filter((count) => count !== undefined);
  return counts.length === 0 ? undefined : counts.reduce((sum, count) => sum + count, 0);
}

async function readCounter(path: string): Promise<number | undefined> {
  // Other systems and older kernels have no such file.
  const text = await readFile(path, 'utf8').catch(() => '');
  const found = /^oom_kill (\d+)$/m.exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}
