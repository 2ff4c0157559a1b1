import type { Context } from '../../../base/context.js';
import { type Problem, RobleError } from '../../../base/errors.js';
import { normalName } from '../../../base/names.js';
import { checked } from '../../../base/schema/checked.js';
import { sha256 } from '../../../base/storage/durable.js';
import type { TensorMap } from '../../../base/storage/safetensors.js';
import { didYouMean } from '../../../base/text.js';
import type { DatasetManifest } from '../../../data/dataset/format.js';
import { type Dataset, openDataset, splitOf } from '../../../data/dataset/open.js';
import { checkSameForm } from '../../../data/dataset/same-form.js';
import { layersOfBundle, openBundle, readWeights } from '../../../model/bundle.js';
import { everyLayer, type Network, type ResolvedLayer, resolveNetwork } from '../../../model/network.js';
import { initialParameters } from '../../../model/random-tensors.js';
import type { Layer, ModelSpec } from '../../../model/spec.js';
import type { PluginRegistry } from '../../../plugin/registry.js';
import { chooseDevice } from '../../devices.js';
import { checkTwins } from '../../metrics/look-alikes.js';
import { layersOf } from '../../presets.js';
import { type ModelChoice, modelSchema, type TrainOptions } from '../../settings.js';
import type { RunRequest } from './folder.js';

/** The weights that a run starts with, and where each layer's are from. Layers without weights are in no list. */
export interface StartingWeights {
  readonly parameters: TensorMap;
  /** Layers with all their weights from the bundle. */
  readonly copied: string[];
  /** Layers that start anew. */
  readonly fresh: string[];
  /** The last layer, when only some of the classes were known before. */
  readonly partly: string[];
}

/**
 * The first weights of a run: random ones, or those of a bundle (`train.from`). A layer takes the bundle's weights
 * when one of its name has the same shapes there. The last layer takes, class by class, those of the classes that
 * both know. What remains starts anew.
 *
 * @param classes labels, in the order of the network's outputs
 * @param from folder of a bundle; undefined: everything starts anew
 * @throws {RobleError} as `openBundle` and `readWeights`, and `ROBLE_MODEL_INVALID` when no layer fits
 */
export async function startingWeights(
  network: Network,
  classes: readonly string[],
  seed: number,
  from: string | undefined,
): Promise<StartingWeights> {
  const parameters = initialParameters(network, seed);
  const layers = [...everyLayer(network.layers)].filter((layer) => layer.parameters.length > 0);
  const start: StartingWeights = { parameters, copied: [], fresh: [], partly: [] };
  if (from === undefined) {
    start.fresh.push(...layers.map(({ name }) => name));
    return start;
  }
  const bundle = await openBundle(from);
  const source: Source = { weights: await readWeights(bundle), classes: bundle.classes };
  for (const layer of layers) {
    const kind =
      layer === layers.at(-1)
        ? takeHead(layer, classes, source, parameters)
        : take(layer, source, parameters);
    start[kind].push(layer.name);
  }
  if (start.copied.length + start.partly.length === 0) throw nothingFits(from, layers, source);
  return start;
}

interface Source {
  readonly weights: TensorMap;
  readonly classes: readonly string[];
}

/** Takes all weights of a layer, or none. */
function take(layer: ResolvedLayer, source: Source, parameters: TensorMap): 'copied' | 'fresh' {
  const fits = layer.parameters.every(({ name, shape }) => isShape(source.weights[name]?.shape, shape));
  if (!fits) return 'fresh';
  for (const { name } of layer.parameters) parameters[name] = source.weights[name]!;
  return 'copied';
}

/** Takes what the last layer knows of each class; its outputs are the classes, in the last axis of a dense layer. */
function takeHead(
  layer: ResolvedLayer,
  classes: readonly string[],
  source: Source,
  parameters: TensorMap,
): 'copied' | 'partly' | 'fresh' {
  if (isShape(source.classes, classes)) return take(layer, source, parameters);
  const before = source.classes.length;
  const fits =
    layer.type === 'dense' &&
    layer.parameters.every(({ name, shape }) =>
      isShape(source.weights[name]?.shape, [...shape.slice(0, -1), before]),
    );
  const places = new Map(source.classes.map((label, c) => [normalName(label), c]));
  const known = classes.flatMap((label, c) => {
    const old = places.get(normalName(label));
    return old === undefined ? [] : [[old, c] as const];
  });
  if (!fits || known.length === 0) return 'fresh';
  for (const { name } of layer.parameters) {
    const [old, now] = [source.weights[name]!.data, parameters[name]!.data];
    for (let row = 0; row * before < old.length; row++)
      for (const [from, to] of known) now[row * classes.length + to] = old[row * before + from]!;
  }
  return known.length === classes.length ? 'copied' : 'partly';
}

function isShape<T>(a: readonly T[] | undefined, b: readonly T[]): boolean {
  return a?.length === b.length && a.every((value, i) => value === b[i]);
}

function nothingFits(from: string, layers: readonly ResolvedLayer[], { weights }: Source): RobleError {
  const listed = (tensors: readonly { name: string; shape: readonly number[] }[]) =>
    tensors.map(({ name, shape }) => `${name} [${shape.join(', ')}]`).join(', ');
  const available = Object.entries(weights).map(([name, { shape }]) => ({ name, shape }));
  return new RobleError('ROBLE_MODEL_INVALID', `No layer of the network fits the weights of ${from}.`, {
    received: listed(available),
    expected: `some of ${listed(layers.flatMap(({ parameters }) => parameters))}`,
    nextSteps: [
      'Leave the model out of the configuration: the run then has the architecture of the bundle.',
      'Or train from random weights, without train.from.',
    ],
  });
}

/**
 * Checks what the settings of a run and the descriptions of its data tell by themselves, before it has a folder and a
 * process.
 *
 * @throws {RobleError} what the run would throw before its first step, as far as that costs no time
 */
export async function checkStart(
  request: Pick<RunRequest, 'dataset' | 'validation' | 'layers' | 'train'>,
): Promise<void> {
  const { layers, train } = request;
  const { dataset, validation } = await openRunData(request);
  splitOf(dataset, 'train');
  splitOf(validation, 'validation');
  checkTwins(train.twins, dataset.manifest.classes);
  frozenLayers(resolveNetwork(modelFor(dataset.manifest, layers)), train.frozen);
}

/** The data sets of a run, not loaded yet. */
export interface RunData {
  /** Its split `train` is trained on. */
  readonly dataset: Dataset;
  /** Its split `validation` judges the model; often the same data set. */
  readonly validation: Dataset;
  /** Names the content of both. */
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

/**
 * The layers with weights that the patterns of `train.frozen` name: a name, or the beginning of names with a `*` after
 * it. The name of a residual block stands for all in it.
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

/** The model that layers make for the pictures and classes of a data set. */
export function modelFor({ preprocessing, classes }: DatasetManifest, layers: readonly Layer[]): ModelSpec {
  const { width, height, channels } = preprocessing;
  return { input: { width, height, channels }, classes: classes.length, layers };
}

/**
 * The settings with the device that `train.device` stands for: it is part of the run, so that a resume takes the same
 * one. Says which one it took, and why, where the user did not name it.
 *
 * @returns what `run.json` holds of it
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
  return layersOf(checked(modelSchema, choice, 'ROBLE_MODEL_INVALID', 'The model is not valid.'));
}
