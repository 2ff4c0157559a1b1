import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Context } from '../../base/context.js';
import { withStep } from '../../base/context.js';
import { RobleError } from '../../base/errors.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import { lockOwner } from '../../base/storage/folder-lock.js';
import { makeTemporaryFolder } from '../../base/storage/temporary-folder.js';
import { type ResultFingerprint, resultFingerprint } from './result-fingerprint.js';
import { type TrainModelOptions, trainModel } from './train.js';

export interface VerifyOptions extends Omit<TrainModelOptions, 'run' | 'runs' | 'autoResume'> {
  /** How often the training process is killed; 5 by default. */
  readonly kills?: number | undefined;
  /** Steps of each of the two epochs; 40 by default. */
  readonly steps?: number | undefined;
}

export interface VerifyResult {
  /** Whether both runs ended with the same weights, optimizer, model and metrics, bit for bit. */
  readonly same: boolean;
  readonly undisturbed: ResultFingerprint;
  readonly killed: ResultFingerprint;
  /** SIGKILLs that hit. */
  readonly kills: number;
  readonly steps: number;
}

const EPOCHS = 2;

/**
 * Proves on the project's own data and settings that a kill changes nothing: a short run, and the same run whose
 * training process is killed at random moments (SIGKILL, which no program can hear), end with the same bits.
 */
export async function verifyTraining(
  options: VerifyOptions,
  context: Context & { readonly registry: PluginRegistry },
): Promise<VerifyResult> {
  const { kills = 5, steps = 40, ...training } = options;
  const folder = await makeTemporaryFolder('verify');
  const quiet = { ...context, reporter: undefined };
  const train = {
    ...training.train,
    epochs: EPOCHS,
    maxStepsPerEpoch: steps,
    checkpointEverySteps: Math.max(1, Math.round(steps / 4)),
    retry: {
      maxRetries: 2 * kills,
      backoffSeconds: 0,
      maxBackoffSeconds: 0,
      heartbeatTimeoutSeconds: 300,
      saveDeadlineSeconds: 60,
    },
  };
  const run = (name: string) => trainModel({ ...training, train, run: join(folder, name) }, quiet);
  try {
    const started = performance.now();
    await withStep(context, 'undisturbed', `Training ${EPOCHS} epochs of ${steps} steps, undisturbed`, () =>
      run('undisturbed').then(refuseInterrupted),
    );
    const durationMs = performance.now() - started;
    const hits = await withStep(
      context,
      'killed',
      `The same, killed at ${kills} random moments`,
      async () => {
        const done = new AbortController();
        const killing = killAtRandom(join(folder, 'killed'), kills, durationMs, done.signal);
        try {
          refuseInterrupted(await run('killed'));
        } finally {
          done.abort();
        }
        return refuseNone(await killing);
      },
    );
    const undisturbed = await resultFingerprint(join(folder, 'undisturbed'));
    const killed = await resultFingerprint(join(folder, 'killed'));
    return { same: isDeepStrictEqual(undisturbed, killed), undisturbed, killed, kills: hits, steps };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function refuseInterrupted({ stopped }: { readonly stopped: string }): void {
  if (stopped === 'interrupted')
    throw new RobleError('ROBLE_INTERRUPTED', 'The proof was interrupted; it has no result.');
}

function refuseNone(hits: number): number {
  if (hits > 0) return hits;
  throw new RobleError('ROBLE_USAGE', 'The run was over before it could be killed; nothing is proved.', {
    expected: 'a run that takes a few seconds',
    nextSteps: ['Give more steps, such as --steps 500.'],
  });
}

/** Kills the training process of a run again and again, each time after a random part of what a run takes. */
async function killAtRandom(
  run: string,
  kills: number,
  durationMs: number,
  done: AbortSignal,
): Promise<number> {
  let hits = 0;
  while (hits < kills && !done.aborted) {
    // Not reproducible on purpose: each proof tries other moments.
    await sleep(Math.random() * durationMs, undefined, { signal: done }).catch(() => {});
    const worker = done.aborted ? undefined : (await lockOwner(run))?.worker;
    if (worker && killed(worker.pid)) hits++;
  }
  return hits;
}

/** False when it has ended by itself meanwhile. */
function killed(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
