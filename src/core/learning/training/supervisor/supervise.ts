import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../../../base/context.js';
import type { FolderLock } from '../../../base/storage/folder-lock.js';
import type { PluginRegistry } from '../../../plugin/registry.js';
import type { HistoryEvent, RunHistory } from '../../history/record.js';
import { HistoryWriter } from '../../history/writer.js';
import { foldersOf, newestStepOf, storesOf } from '../checkpoints/store.js';
import { bestEpoch } from '../policies/early-stopping.js';
import type { TrainingProgress } from '../run/events.js';
import type { RunOutcome, RunRequest } from '../run/folder.js';
import type { WorkerStart } from '../worker/open-run.js';
import { decideRetry, describeEnds, FIRST_ATTEMPT } from './retry-policy.js';
import { causeOf, describeEnd, errorOf, type WorkerEnd } from './worker-end.js';
import { runWorker } from './worker-process.js';

export interface Supervision {
  readonly request: RunRequest;
  /** Go on with what is in the run folder. */
  readonly resume: boolean;
  /** What a resume changes, in words. */
  readonly settingsChange?: string | undefined;
  readonly lock: FolderLock;
}

/**
 * Runs the training in one process after another until it is done, interrupted or hopeless. Each process goes on from
 * the newest good checkpoint of those before.
 */
export async function superviseRun(
  { request, resume, settingsChange, lock }: Supervision,
  context: Context<TrainingProgress> & { readonly registry: PluginRegistry },
): Promise<RunOutcome> {
  const { retry } = request.train;
  const { entries: plugins } = context.registry;
  let state = FIRST_ATTEMPT;
  let start: WorkerStart = {
    request,
    plugins,
    resume,
    ...(settingsChange && { settingsChange }),
  };
  for (;;) {
    const life = await runWorker(start, lock, context);
    const record: Recorder = (event, more) =>
      recordEvent(request, context, { event, step: life.step, ...more });
    const end = unaskedStopAsDeath(life.end, context);
    if (end.type === 'done') return end.outcome;
    // The user has to change something first, and nothing has happened yet that belongs in the history.
    if (end.type === 'failed' && end.error.kind === 'user' && !life.hasBegun) throw end.error;
    await record('worker-ended', { cause: causeOf(end), detail: describeEnd(end) });
    const safeStep = await newestStepOf(storesOf(foldersOf(request)));
    // Whatever ended it: the user wants no more of it now, and a resume that meets the same cause tells it again.
    if (context.signal?.aborted) return interrupted(request, record, safeStep);
    const decision = decideRetry(state, { ...life, end }, safeStep, retry);
    if (!decision.retry) {
      await record('failed', { detail: decision.reason });
      throw errorOf(end);
    }
    state = decision.state;
    const { delayMs, ceilings } = decision;
    const wait = `retry ${state.failures} of ${retry.maxRetries}, in ${delayMs / 1000} s`;
    await record('retried', { detail: [wait, describeEnds(state, end)].filter(Boolean).join('; ') });
    await sleep(delayMs, undefined, { signal: context.signal }).catch(ignoreAbort);
    if (context.signal?.aborted) return interrupted(request, record, safeStep);
    start = { request, plugins, resume: true, ...(ceilings && { ceilings }) };
  }
}

/** Records an event at the step that the training process was known to be at; gives the history with it. */
type Recorder = (
  event: HistoryEvent['event'],
  more?: Pick<HistoryEvent, 'cause' | 'detail'>,
) => Promise<RunHistory>;

/** Written between two training processes, which otherwise own the history. */
async function recordEvent(
  request: RunRequest,
  { reporter }: Context<TrainingProgress>,
  event: Omit<HistoryEvent, 'time'>,
): Promise<RunHistory> {
  const writer = await HistoryWriter.open(request.run, (message) =>
    reporter?.report({ type: 'warning', message }),
  );
  const written = await writer.event(event);
  reporter?.report({ type: 'train', event: { kind: 'incident', event: written } });
  return writer.history;
}

/** A training process that stops though this one did not ask it to got a SIGTERM from elsewhere. */
function unaskedStopAsDeath(end: WorkerEnd, { signal }: Context<TrainingProgress>): WorkerEnd {
  if (end.type !== 'done' || end.outcome.stopped !== 'interrupted' || signal?.aborted) return end;
  return { type: 'died', code: null, signal: 'SIGTERM', lastWords: '', oomKill: false };
}

/** The request to stop came while no process could answer it: the newest checkpoint is where the run goes on. */
async function interrupted({ train }: RunRequest, record: Recorder, safeStep: number): Promise<RunOutcome> {
  const from = safeStep < 0 ? 'from the beginning' : `from the checkpoint of step ${safeStep}`;
  const { epochs } = await record('interrupted', {
    detail: `no process was left to save and to export the best epoch; train:resume goes on ${from}`,
  });
  const best = bestEpoch(epochs, train.monitor);
  return { stopped: 'interrupted', epochs: epochs.length, best, bundle: undefined };
}

/** The wait ends early when the run is to stop, which is asked for right after it. */
function ignoreAbort(error: Error): void {
  if (error.name !== 'AbortError') throw error;
}
