import { access, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { checked } from '../checked.js';
import type { ModelChoice, TrainOptions } from '../config/schema.js';
import { trainSchema } from '../config/schema.js';
import type { Context } from '../context.js';
import { RobleError } from '../errors.js';
import { RUN_FILES } from '../history/record.js';
import type { PluginRegistry } from '../plugin/registry.js';
import { writeSynced } from '../storage/durable.js';
import { newestStepOf } from './checkpoints/checkpoint-store.js';
import { foldersOf, storesOf } from './checkpoints/checkpoint-writer.js';
import { chosenLayers } from './chosen-layers.js';
import type { RunOutcome, RunRequest } from './messages.js';
import { resumeTraining } from './resume.js';
import { claimRunFolder, nextRunFolder } from './run-folder.js';
import { superviseRun } from './supervisor/supervise.js';

export interface TrainModelOptions {
  /** Name of the model, kept in the bundle. */
  readonly name?: string;
  /** Folder of a data set with the splits `train` and `validation`. */
  readonly dataset: string;
  /** A preset or layers; by default those of the bundle in `train.from`, else the preset `cnn-v2`. */
  readonly model?: ModelChoice | undefined;
  /** Folder of the runs, in which the run gets the next number. */
  readonly runs?: string;
  /** Folder of this run; it must be new or empty. Instead of `runs`. */
  readonly run?: string;
  /** Go on with the run that is in `run`, where there is one, instead of refusing the folder. */
  readonly autoResume?: boolean;
  /** Everything else; what is left out has the defaults of the configuration. */
  readonly train?: Partial<TrainOptions>;
}

export interface TrainResult extends RunOutcome {
  readonly run: string;
}

/**
 * Trains a classifier in a process of its own, which is replaced when it ends too early, and exports the best epoch as
 * a model bundle. Aborting `context.signal` saves a checkpoint at the next step and ends with `stopped: 'interrupted'`.
 *
 * @throws {RobleError} `ROBLE_CONFIG_INVALID`, `ROBLE_RUN_LOCKED`, `ROBLE_RUN_EXISTS`, `ROBLE_DATASET_SPLIT`, `ROBLE_MODEL_INVALID`,
 * `ROBLE_TRAIN_DIVERGED`, `ROBLE_OUT_OF_MEMORY`, `ROBLE_WORKER_DIED`.
 */
export async function trainModel(
  options: TrainModelOptions,
  context: Context & { readonly registry: PluginRegistry },
): Promise<TrainResult> {
  const train = checked(
    trainSchema,
    options.train ?? {},
    'ROBLE_CONFIG_INVALID',
    'The training options are not valid.',
  );
  const layers = await chosenLayers(options.model, train.from);
  if (options.autoResume && options.run && (await holdsRun(options.run)))
    return resumeTraining({ run: options.run, train: options.train }, context);
  const folder = await claimRunFolder(options.run ?? (await nextRunFolder(options.runs ?? 'runs')));
  try {
    const request: RunRequest = {
      name: options.name ?? 'classifier',
      run: folder.path,
      dataset: resolve(options.dataset),
      layers,
      train,
    };
    await writeSynced(join(folder.path, RUN_FILES.request), `${JSON.stringify(request, null, 2)}\n`);
    return { run: folder.path, ...(await superviseRun(request, false, folder, context)) };
  } catch (error) {
    await forgetFailedStart(folder.path, train, error);
    throw error;
  } finally {
    await folder.release();
  }
}

/** A run that failed for its settings before it began has nothing to keep, and its number is free again. */
async function forgetFailedStart(run: string, train: TrainOptions, error: unknown): Promise<void> {
  const hasBegun = (await newestStepOf(storesOf(foldersOf({ run, train })))) >= 0;
  if (RobleError.from(error).kind === 'user' && !hasBegun) await rm(run, { recursive: true });
}

function holdsRun(folder: string): Promise<boolean> {
  return access(join(folder, RUN_FILES.request)).then(
    () => true,
    () => false,
  );
}
