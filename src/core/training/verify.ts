import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Context } from '../context.js';
import { withStep } from '../context.js';
import { RobleError } from '../errors.js';
import type { PluginRegistry } from '../plugin/registry.js';
import { type ResultFingerprint, resultFingerprint } from './result-fingerprint.js';
import { lockOwner } from './run-lock.js';
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
  const folder = await mkdtemp(join(tmpdir(), 'roble-verify-'));
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
        const killing = killAtRandom(join(folder, 'killed'), kills, durationMs, context.signal);
        refuseInterrupted(await run('killed'));
        killing.stop();
        return killing.hits();
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

/** Kills the training process of a run again and again, each time after a random part of what a run takes. */
function killAtRandom(run: string, kills: number, durationMs: number, signal: AbortSignal | undefined) {
  let hits = 0;
  let stopped = false;
  const kill = async () => {
    while (hits < kills && !stopped && !signal?.aborted) {
      // Not reproducible on purpose: each proof tries other moments.
      await sleep(Math.random() * durationMs);
      const worker = stopped ? undefined : (await lockOwner(run))?.worker;
      if (worker && killed(worker.pid)) hits++;
    }
  };
  void kill();
  return {
    stop: () => {
      stopped = true;
    },
    hits: () => hits,
  };
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
