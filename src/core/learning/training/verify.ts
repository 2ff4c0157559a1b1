import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { type Context, withStep } from '../../base/context.js';
import { RobleError } from '../../base/errors.js';
import { sha256 } from '../../base/storage/durable.js';
import { makeTemporaryFolder } from '../../base/storage/files.js';
import { lockOwner } from '../../base/storage/folder-lock.js';
import { BUNDLE_FILES } from '../../model/bundle.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import { readHistory } from '../history/read-run.js';
import { type EpochRecord, RUN_FILES } from '../history/record.js';
import type { Checkpoint } from './checkpoints/checkpoint.js';
import { newestOf, storesOf } from './checkpoints/store.js';
import type { TrainingProgress } from './run/events.js';
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
  context: Context<TrainingProgress> & { readonly registry: PluginRegistry },
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

/** What a run has come to, times aside: equal fingerprints mean equal bits. */
export interface ResultFingerprint {
  /** Updates that were made. */
  readonly step: number;
  /** SHA-256 over the weights, the running statistics and the optimizer's moments at the end. */
  readonly state: string;
  /** SHA-256 of the exported model. */
  readonly model: string;
  readonly epochs: readonly Partial<EpochRecord>[];
}

/** @throws {RobleError} `ROBLE_RUN_INVALID` when the folder holds no checkpoint */
export async function resultFingerprint(
  run: string,
  checkpoints = join(run, RUN_FILES.checkpoints),
): Promise<ResultFingerprint> {
  const stores = storesOf({ folder: checkpoints, fallback: undefined, keep: 1 });
  const { checkpoint } = await newestOf(stores, () => true);
  if (!checkpoint) throw new RobleError('ROBLE_RUN_INVALID', `${run} has no checkpoint.`);
  const { epochs } = await readHistory(run);
  return {
    step: checkpoint.state.step,
    state: hashState(checkpoint),
    model: sha256(await readFile(join(run, RUN_FILES.model, BUNDLE_FILES.model))),
    epochs: epochs.map(withoutTimes),
  };
}

function hashState({ state }: Checkpoint): string {
  const hash = createHash('sha256');
  for (const [name, { data }] of Object.entries({ ...state.parameters, ...state.optimizer }))
    hash.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return hash.digest('hex');
}

function withoutTimes(record: EpochRecord): Partial<EpochRecord> {
  const { trainSeconds: _train, evaluationSeconds: _evaluation, imagesPerSecond: _speed, ...rest } = record;
  return rest;
}
