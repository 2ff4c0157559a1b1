import type { TrainOptions } from '../../settings.js';
import type { MemoryCeilings } from '../worker/open-run.js';
import { causeOf, describeEnd, isRecoverable, type UnfinishedEnd } from './worker-end.js';
import type { WorkerLife } from './worker-process.js';

export type UnfinishedLife = WorkerLife & { readonly end: UnfinishedEnd };

/** What is remembered between the attempts. */
export interface RetryState {
  /** Attempts in a row that made no checkpoint beyond those before. */
  readonly failures: number;
  /** Step of the newest checkpoint of all attempts. */
  readonly safeStep: number;
  /** How much the last attempt was allowed to have in memory; undefined: as much as the run knows. */
  readonly ceilings?: MemoryCeilings;
  /** How the last attempt ended, to distinguish an accident from something that happens every time. */
  readonly last?: { readonly words: string; readonly step: number };
  /** How many processes of this run ended in which way, in the words of {@link describeEnd}. */
  readonly ends: Readonly<Record<string, number>>;
}

export const FIRST_ATTEMPT: RetryState = { failures: 0, safeStep: -1, ends: {} };

export type RetryDecision =
  | { readonly retry: false; readonly reason: string }
  | {
      readonly retry: true;
      readonly state: RetryState;
      readonly delayMs: number;
      /** For the next attempt; undefined: as it was. */
      readonly ceilings?: MemoryCeilings;
    };

/**
 * Decides whether a training process that ended gets a successor, when, and with how much in memory at once.
 * `safeStep`: step of the newest checkpoint on the disk.
 */
export function decideRetry(
  state: RetryState,
  life: UnfinishedLife,
  safeStep: number,
  { maxRetries, backoffSeconds, maxBackoffSeconds }: TrainOptions['retry'],
): RetryDecision {
  const progress = safeStep > state.safeStep;
  const failures = progress ? 1 : state.failures + 1;
  const words = describeEnd(life.end);
  const repeated = !progress && state.last?.words === words && state.last.step === life.step;
  const cause = causeOf(life.end);
  if (!isRecoverable(life.end)) return { retry: false, reason: 'another attempt would end in the same way' };
  if (life.end.type === 'failed' && repeated)
    return { retry: false, reason: 'the same error came again at the same step' };
  if (failures > maxRetries) return { retry: false, reason: `${maxRetries} retries brought no progress` };
  // Where the system does not count such kills, one that comes twice without any progress is probably for the memory.
  const isUncounted = life.end.type === 'died' && life.end.oomKill === undefined;
  const suspected = cause === 'killed' && isUncounted && !progress && state.failures > 0;
  const isMemory = cause === 'out-of-memory' || suspected;
  // What was halved stays halved until the run is further, however the attempts in between end.
  const before = progress ? undefined : state.ceilings;
  const ceilings = isMemory ? lowered(before, life.inMemory, !progress) : before;
  if (isMemory && !ceilings) return { retry: false, reason: 'there is no memory for a single sample' };
  return {
    retry: true,
    state: {
      failures,
      safeStep: Math.max(state.safeStep, safeStep),
      last: { words, step: life.step },
      ends: { ...state.ends, [words]: (state.ends[words] ?? 0) + 1 },
      ...(ceilings && { ceilings }),
    },
    delayMs: Math.min(backoffSeconds * 2 ** (failures - 1), maxBackoffSeconds) * 1000,
    ...(ceilings && { ceilings }),
  };
}

/**
 * How many processes have ended by now, and how many of them as this one; nothing for the first. There is no bound to
 * those that each come further than the one before: the run gets to its end, and whoever watches sees at what price.
 */
export function describeEnds({ ends }: RetryState, end: UnfinishedEnd): string {
  const all = Object.values(ends).reduce((sum, count) => sum + count, 0);
  const same = ends[describeEnd(end)] ?? 0;
  return all < 2 ? '' : `${all} training processes have ended so far, ${same} of them like this one`;
}

/**
 * Half of what was in memory in the phase that was ended; undefined where that is a single sample already. Training keeps
 * its memory while the run evaluates: when an evaluation is ended again, half of that too.
 */
function lowered(
  before: MemoryCeilings | undefined,
  { phase, microbatchSize, evaluationBatchSize }: WorkerLife['inMemory'],
  again: boolean,
): MemoryCeilings | undefined {
  const half = (size: number) => Math.ceil(size / 2);
  const training = phase === 'training' || again;
  if ((!training || microbatchSize === 1) && (phase === 'training' || evaluationBatchSize === 1))
    return undefined;
  return {
    ...before,
    ...(training && { microbatchSize: half(microbatchSize) }),
    ...(phase === 'evaluation' && { evaluationBatchSize: half(evaluationBatchSize) }),
  };
}
