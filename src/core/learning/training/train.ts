import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Context } from '../../base/context.js';
import { RobleError } from '../../base/errors.js';
import { checked } from '../../base/schema/checked.js';
import { exists } from '../../base/storage/files.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import { readHistory } from '../history/read-run.js';
import { RUN_FILES } from '../history/record.js';
import { type ModelChoice, type TrainOptions, trainSchema } from '../settings.js';
import { resumeTraining } from './resume.js';
import { checkEngine, chosenNetwork, writeExtractor, writeTunedWeights } from './run/backbone.js';
import type { TrainingProgress } from './run/events.js';
import {
  createRunFolder,
  type NewRunFolder,
  nextRunFolder,
  type RunRequest,
  type TrainResult,
  writeRequest,
} from './run/folder.js';
import { checkStart, chosenLayers, pluginsOf, withChosenDevice } from './run/start.js';
import { superviseRun } from './supervisor/supervise.js';

export interface TrainModelOptions {
  /** Name of the model, kept in the bundle. */
  readonly name?: string;
  /** Folder of a data set with the splits `train` and `validation`. */
  readonly dataset: string;
  /** Folder of another data set, of the same classes and image form, whose split `validation` is used instead. */
  readonly validation?: string | undefined;
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

/**
 * Trains a classifier in a process of its own, which is replaced when it ends too early, and exports the best epoch as
 * a model bundle. Aborting `context.signal` saves a checkpoint at the next step and ends with `stopped: 'interrupted'`.
 *
 * @throws {RobleError} `ROBLE_CONFIG_INVALID`, `ROBLE_FOLDER_LOCKED`, `ROBLE_RUN_EXISTS`, `ROBLE_DATASET_SPLIT`,
 *   `ROBLE_DATASETS_DIFFER`, `ROBLE_MODEL_INVALID`, `ROBLE_TRAIN_DIVERGED`, `ROBLE_OUT_OF_MEMORY`, `ROBLE_WORKER_DIED`.
 */
export async function trainModel(
  options: TrainModelOptions,
  context: Context<TrainingProgress> & { readonly registry: PluginRegistry },
): Promise<TrainResult> {
  const train = checked(
    trainSchema,
    options.train ?? {},
    'ROBLE_CONFIG_INVALID',
    'The training options are not valid.',
  );
  const { run, name, model, dataset, validation } = options;
  if (options.autoResume && run && (await exists(join(run, RUN_FILES.request)))) {
    // Those of a backbone are in its file, which the run does not need any more.
    const layers = model && model.backbone?.tune !== 'all' ? await chosenLayers(model, undefined) : undefined;
    return resumeTraining({ run, dataset, validation, train: options.train, name, layers }, context);
  }
  const { layers, backbone, tuned } = await chosenNetwork(model, train.from, dataset, context.registry);
  if (backbone || tuned) await checkEngine(train.engine, context.registry);
  const data = {
    dataset: resolve(dataset),
    ...(validation !== undefined && { validation: resolve(validation) }),
  };
  await checkStart({ ...data, layers, backbone: backbone?.used, tuned: tuned?.about, train });
  const plugins = await context.registry.admit(pluginsOf(train));
  const folder = await createRunFolder(run ?? (await nextRunFolder(options.runs ?? 'runs')));
  try {
    const request: RunRequest = {
      id: randomUUID(),
      name: name ?? 'classifier',
      run: folder.path,
      ...data,
      layers,
      ...(backbone && { backbone: backbone.used }),
      ...(tuned && { tuned: tuned.about }),
      ...(await withChosenDevice(train, context)),
      ...plugins,
    };
    if (backbone) await writeExtractor(folder.path, backbone);
    if (tuned) await writeTunedWeights(folder.path, tuned.weights);
    await writeRequest(request);
    return { run: folder.path, ...(await superviseRun({ request, resume: false, lock: folder }, context)) };
  } catch (error) {
    if (RobleError.from(error).kind === 'user') await forgetFailedStart(folder);
    throw error;
  } finally {
    await folder.release();
  }
}

/** A run that failed for its settings before it began has nothing to keep, and its number is free again. */
async function forgetFailedStart({ path, isNew }: NewRunFolder): Promise<void> {
  const history = await readHistory(path).catch(() => undefined);
  const hasBegun = history?.events.some(({ event }) => event === 'started');
  if (hasBegun) return;
  for (const name of Object.values(RUN_FILES)) await rm(join(path, name), { recursive: true, force: true });
  if (isNew) await rm(path, { recursive: true, force: true });
}
