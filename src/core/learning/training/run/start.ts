import type { Context } from '../../../base/context.js';
import { type Problem, RobleError } from '../../../base/errors.js';
import { checked } from '../../../base/schema/checked.js';
import { sha256 } from '../../../base/storage/durable.js';
import { didYouMean } from '../../../base/text/text.js';
import { augmentersOf } from '../../../data/augment/settings.js';
import type { DatasetManifest } from '../../../data/dataset/format.js';
import { type Dataset, type OpenSplit, openDataset, splitOf } from '../../../data/dataset/open.js';
import { checkSameForm } from '../../../data/dataset/same-form.js';
import type { FeatureTable } from '../../../data/features/feature-table.js';
import type { TunedBackbone, UsedBackbone } from '../../../model/backbone/settings.js';
import { layersOfBundle } from '../../../model/bundle.js';
import { everyLayer, type Network, resolveNetwork } from '../../../model/network.js';
import type { MaskSource } from '../../../model/random-tensors.js';
import type { Layer, ModelSpec } from '../../../model/spec.js';
import type { TrainingSession, TrainingState } from '../../../plugin/contracts.js';
import type { PluginName, PluginRegistry } from '../../../plugin/registry.js';
import { chooseDevice } from '../../devices.js';
import { checkLookAlikes } from '../../metrics/look-alikes.js';
import { layersOf } from '../../presets.js';
import { type ModelChoice, modelSchema, type TrainOptions } from '../../settings.js';
import { type BatchRecipe, batchRecipe } from '../batches/batch.js';
import { BatchSource } from '../batches/batch-source.js';
import type { RunRequest } from './folder.js';
import { headLayers, STANDARDIZE } from './head.js';

/**
 * What a run needs before its first step, in the order in which it is decided: the layers, the device, the data and,
 * in the process that trains, an engine that holds the first state. Trials of a few steps (`tuning`) start in the same
 * way.
 */

/**
 * The layers to train: those that were chosen, else those of the bundle whose weights the run starts from, else those
 * of the preset `cnn-v2`.
 *
 * @param from folder of a bundle (`train.from`)
 * @throws {RobleError} `ROBLE_MODEL_INVALID`, or what {@link layersOfBundle} throws
 */
export async function chosenLayers(
  model: ModelChoice | undefined,
  from: string | undefined,
): Promise<Layer[]> {
  if (model === undefined && from !== undefined) return layersOfBundle(from);
  const choice = model ?? { preset: 'cnn-v2' };
  const layers = layersOf(checked(modelSchema, choice, 'ROBLE_MODEL_INVALID', 'The model is not valid.'));
  return choice.backbone ? headLayers(layers) : layers;
}

/**
 * Checks the settings of a run against the descriptions of its data, before the run has a folder and a process.
 *
 * @throws {RobleError} what the run would throw before its first step, as far as that can be found out at once
 */
export async function checkStart(
  request: Pick<RunRequest, 'dataset' | 'validation' | 'layers' | 'backbone' | 'tuned' | 'train'>,
): Promise<void> {
  const { layers, backbone, tuned, train } = request;
  const { dataset, validation } = await openRunData(request);
  splitOf(dataset, 'train');
  splitOf(validation, 'validation');
  checkLookAlikes(train.twins, dataset.manifest.classes);
  frozenLayers(resolveNetwork(modelFor(dataset.manifest, layers, backbone)), [
    ...(tuned?.fixed ?? []),
    ...train.frozen,
  ]);
}

/**
 * The settings with the device that `train.device` stands for: it is part of the run, so that a resume takes the same
 * one. Reports which one it chose, and why, where the user did not name it.
 *
 * @returns the fields of `run.json` about it
 * @throws {RobleError} `ROBLE_DEVICE_UNAVAILABLE`, `ROBLE_PLUGIN_UNKNOWN`
 */
export async function withChosenDevice(
  train: TrainOptions,
  { registry, reporter }: Context & { readonly registry: PluginRegistry },
): Promise<Pick<RunRequest, 'train' | 'deviceReason'>> {
  const { device, why } = await chooseDevice(train, registry);
  if (why) reporter?.report({ type: 'note', message: `Device ${device} of ${train.engine}: ${why}.` });
  return { train: { ...train, device }, ...(why !== undefined && { deviceReason: why }) };
}

/** The plugins that have a part in a run: its engine and its augmenters. */
export function pluginsOf({ engine, augment }: TrainOptions): PluginName[] {
  return [{ kind: 'training-engine', name: engine }, ...augmentersOf(augment)];
}

/** The data sets of a run, not loaded yet. */
export interface RunData {
  /** Its split `train` is trained on. */
  readonly dataset: Dataset;
  /** Its split `validation` judges the model; often the same data set. */
  readonly validation: Dataset;
  /** Identifies the content of both. */
  readonly fingerprint: string;
}

/** @throws {RobleError} those of `openDataset`, and `ROBLE_DATASETS_DIFFER` */
export async function openRunData(request: Pick<RunRequest, 'dataset' | 'validation'>): Promise<RunData> {
  const dataset = await openDataset(request.dataset);
  const validation = request.validation === undefined ? dataset : await openDataset(request.validation);
  checkSameForm(dataset, [validation]);
  const own = dataset.manifest.fingerprint;
  const other = validation.manifest.fingerprint;
  return { dataset, validation, fingerprint: own === other ? own : sha256(`${own} ${other}`) };
}

/** What is trained: by a run from its first step to its last one, by a trial for a few steps. */
export interface TrainingSubject {
  /** With a batch size that the data fill. */
  readonly train: TrainOptions;
  readonly manifest: DatasetManifest;
  readonly training: OpenSplit;
  /** Of the training split, where the model learns from them. */
  readonly features?: FeatureTable | undefined;
  readonly tuned?: TunedBackbone | undefined;
  readonly model: ModelSpec;
  readonly network: Network;
}

export async function loadSubject(
  dataset: Dataset,
  { layers, backbone, tuned, train }: Pick<RunRequest, 'layers' | 'backbone' | 'tuned' | 'train'>,
): Promise<TrainingSubject> {
  const { manifest } = dataset;
  const model = modelFor(manifest, layers, backbone);
  const network = resolveNetwork(model);
  const training = await dataset.open('train');
  // A training set smaller than a batch gives one batch of all of it.
  const batchSize = Math.min(train.batchSize, training.count);
  return { train: { ...train, batchSize }, manifest, training, tuned, model, network };
}

export interface SessionStart {
  readonly state: TrainingState;
  /** How the engine is to compute, as it decided in an earlier session on this machine. */
  readonly plan?: unknown;
  /** Samples in memory at once. */
  readonly microbatchSize: number;
  /** The step whose batch is the first one, from 0. */
  readonly firstStep: number;
  /** Where the masks of dropout come from. */
  readonly masks?: MaskSource;
}

/** An engine at work: `session.step(await batches.next(), ...)` is a step. Whoever opens it closes both. */
export interface OpenedSession {
  readonly session: TrainingSession;
  readonly recipe: BatchRecipe;
  readonly batches: BatchSource;
}

/**
 * Opens the engine, puts a state into it and begins to prepare the batches.
 *
 * @throws {RobleError} `ROBLE_CONFIG_INVALID` for layers that cannot be frozen, and those of the engine and augmenters
 */
export async function openSession(
  { train, manifest, training, features, tuned, model, network }: TrainingSubject,
  { state, plan, microbatchSize, firstStep, masks }: SessionStart,
  registry: PluginRegistry,
): Promise<OpenedSession> {
  const engine = await registry.load('training-engine', train.engine);
  const session = await engine.open(model, {
    ...train,
    ema: train.emaDecay > 0,
    frozen: frozenLayers(network, [
      ...(features ? [STANDARDIZE] : []),
      ...(tuned?.fixed ?? []),
      ...train.frozen,
    ]),
    ...(tuned && {
      learningRateFactors: Object.fromEntries(tuned.layers.map((name) => [name, tuned.learningRateFactor])),
    }),
    ...(plan !== undefined && { plan }),
  });
  try {
    await session.importState(state);
    await session.setMicrobatchSize(microbatchSize);
    const recipe = batchRecipe({
      training,
      features,
      manifest,
      network,
      train,
      plugins: registry.entries,
      masks,
    });
    const batches = await BatchSource.open(recipe, firstStep, train.numWorkers);
    return { session, recipe, batches };
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** The model that layers make for the pictures and classes of a data set, or for the features of its pictures. */
function modelFor(
  { preprocessing, classes }: DatasetManifest,
  layers: readonly Layer[],
  backbone: UsedBackbone | undefined,
): ModelSpec {
  if (backbone) {
    const input = { width: 1, height: 1, channels: backbone.length };
    return { input, inputType: 'float32', classes: classes.length, layers };
  }
  const { width, height, channels } = preprocessing;
  return { input: { width, height, channels }, classes: classes.length, layers };
}

/**
 * The layers with weights that the patterns of `train.frozen` name: a name, or the beginning of names followed by `*`.
 * The name of a residual block stands for all layers in it.
 *
 * @returns names, in the order of the network
 * @throws {RobleError} `ROBLE_CONFIG_INVALID` for patterns that name nothing, or when nothing is left to train
 * @example
 * frozenLayers(network, ['conv*', 'batchNorm1']); // ['conv1', 'batchNorm1', 'conv2']
 */
export function frozenLayers(network: Network, patterns: readonly string[]): string[] {
  const layers = [...everyLayer(network.layers)];
  const weighted = layers.filter(({ parameters }) => parameters.length > 0);
  const blocks = layers.filter(({ type }) => type === 'residual');
  const known = [...weighted, ...blocks].map(({ name }) => name);
  const problems = patterns.flatMap((pattern, i): Problem[] => {
    if (known.some((name) => matches(pattern, name))) return [];
    const [suggestion] = didYouMean(pattern, known);
    return [
      {
        path: `train.frozen.${i}`,
        message: `no layer with weights is called "${pattern}"`,
        ...(suggestion !== undefined && { suggestion }),
      },
    ];
  });
  if (problems.length > 0)
    throw new RobleError('ROBLE_CONFIG_INVALID', 'Layers that do not exist cannot be frozen.', {
      expected: `some of ${known.join(', ')}, or the beginning of names and a *`,
      problems,
    });
  const isFrozen = (name: string) => patterns.some((pattern) => matchesWithin(pattern, name));
  const frozen = weighted.map(({ name }) => name).filter(isFrozen);
  if (frozen.length === weighted.length && frozen.length > 0)
    throw new RobleError('ROBLE_CONFIG_INVALID', 'With every layer frozen there is nothing to train.', {
      received: `train.frozen: ${patterns.join(', ')}`,
      expected: 'at least one layer with weights that is not frozen, such as the last one',
    });
  return frozen;
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

/** Whether a pattern names a layer or a block around it. */
function matchesWithin(pattern: string, name: string): boolean {
  const parts = name.split('.');
  return parts.some((_, i) => matches(pattern, parts.slice(0, i + 1).join('.')));
}
