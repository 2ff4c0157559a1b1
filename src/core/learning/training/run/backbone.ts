import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { RobleError } from '../../../base/errors.js';
import { checked } from '../../../base/schema/checked.js';
import { replaceFile, sha256 } from '../../../base/storage/durable.js';
import { readPlainFile } from '../../../base/storage/read-file.js';
import { decodeSafetensors, encodeSafetensors, type TensorMap } from '../../../base/storage/safetensors.js';
import { openDataset } from '../../../data/dataset/open.js';
import {
  type OpenedBackbone,
  openBackbone,
  type ReadBackbone,
  readBackbone,
} from '../../../data/features/open-backbone.js';
import { extractorOf } from '../../../model/backbone/extractor.js';
import { backboneSchema, type TunedBackbone, type UsedBackbone } from '../../../model/backbone/settings.js';
import { BUNDLE_FILES, openBundle } from '../../../model/bundle.js';
import { resolveNetwork } from '../../../model/network.js';
import { encodeModel, readModel } from '../../../model/onnx/format.js';
import type { Layer } from '../../../model/spec.js';
import type { PluginRegistry } from '../../../plugin/registry.js';
import { RUN_FILES } from '../../history/record.js';
import type { ModelChoice } from '../../settings.js';
import { STANDARDIZE } from './head.js';
import { chosenLayers } from './start.js';

/** What a run trains, and what it trains it on. */
export interface ChosenNetwork {
  readonly layers: readonly Layer[];
  /** Whose features the layers learn from, instead of from pictures. */
  readonly backbone?: OpenedBackbone | undefined;
  /** The first of the layers, with the weights that others gave them. */
  readonly tuned?: { readonly about: TunedBackbone; readonly weights: TensorMap } | undefined;
}

/**
 * The layers that were chosen, and the backbone before or among them; without a choice, those of the bundle whose weights
 * the run starts from.
 *
 * @param from folder of a bundle (`train.from`)
 * @param dataset its folder
 * @throws {RobleError} those of {@link chosenLayers}, {@link openBackbone} and {@link readBackbone}, and `ROBLE_MODEL_INVALID`
 *   where the weights belong to another backbone
 */
export async function chosenNetwork(
  model: ModelChoice | undefined,
  from: string | undefined,
  dataset: string,
  registry: PluginRegistry,
): Promise<ChosenNetwork> {
  const layers = await chosenLayers(model, from);
  const before = from === undefined ? undefined : await backboneOfBundle(from);
  if (!model?.backbone)
    return { layers, ...(model === undefined && before && { backbone: await extractorIn(from!, before) }) };
  const settings = checked(
    backboneSchema,
    model.backbone,
    'ROBLE_CONFIG_INVALID',
    'The settings of the backbone (model.backbone) are not valid.',
  );
  const { preprocessing } = (await openDataset(dataset)).manifest;
  if (settings.tune === 'all')
    return tunedNetwork(await readBackbone(settings, preprocessing), layers, {
      factor: settings.learningRateFactor ?? LEARNING_RATE_FACTOR,
      isStandardized: before !== undefined,
    });
  const backbone = await openBackbone(settings, preprocessing, registry.entries);
  if (before && backbone.used.extractor !== before.extractor)
    throw new RobleError('ROBLE_MODEL_INVALID', 'The weights to start from belong to another backbone.', {
      received: `${backbone.used.name} in model.backbone, ${before.name} in ${from}`,
      expected: 'the same file, used in the same way',
      nextSteps: ['Leave model.backbone out: that of the bundle is used then. Or leave train.from out.'],
    });
  return { layers, backbone };
}

/** @throws {RobleError} `ROBLE_CONFIG_INVALID` for an engine that would train a model on a backbone as if it had none */
export async function checkEngine(engine: string, registry: PluginRegistry): Promise<void> {
  if ((await registry.load('training-engine', engine)).takesBackbones) return;
  throw new RobleError('ROBLE_CONFIG_INVALID', `The engine "${engine}" cannot train models on a backbone.`, {
    received: `train.engine: ${engine}`,
    expected: 'an engine that says "takesBackbones", such as onnx',
    nextSteps: ['Set train.engine to onnx.'],
  });
}

/**
 * Refuses a model on a backbone where networks are trained on pictures alone.
 *
 * @param what does so, as the beginning of a sentence
 * @throws {RobleError} `ROBLE_USAGE`
 */
export async function refuseBackbone(
  what: string,
  model: ModelChoice | undefined,
  from: string | undefined,
): Promise<void> {
  const before = model === undefined && from !== undefined ? await backboneOfBundle(from) : undefined;
  const name = model?.backbone?.file ?? before?.name;
  if (name === undefined) return;
  throw new RobleError('ROBLE_USAGE', `${what} knows no backbones.`, {
    received: `the backbone ${name}`,
    expected: 'a network that is trained from pictures alone',
    nextSteps: ['The preset "head" has a recipe; train.head: auto chooses its weight decay.'],
  });
}

/** What multiplies the learning rate of a backbone's layers unless something else is said. */
const LEARNING_RATE_FACTOR = 0.1;

/** The layers of a backbone, and those of a head after them. */
function tunedNetwork(
  { used, layers, weights, fixed, input }: ReadBackbone,
  head: readonly Layer[],
  { factor, isStandardized }: { readonly factor: number; readonly isStandardized: boolean },
): ChosenNetwork {
  const all = [...layers, ...head];
  const names = resolveNetwork({ input, classes: 2, layers: all }).layers.map(({ name }) => name);
  const about = {
    ...used,
    layers: names.slice(0, layers.length),
    // A head that was trained on standardized features goes on with them.
    fixed: [...fixed, ...(isStandardized ? [STANDARDIZE] : [])],
    learningRateFactor: factor,
  };
  return { layers: all, tuned: { about, weights } };
}

async function backboneOfBundle(folder: string): Promise<UsedBackbone | undefined> {
  return (await openBundle(folder)).manifest.backbone;
}

/** The backbone of a bundle, taken out of its model. */
async function extractorIn(folder: string, used: UsedBackbone): Promise<OpenedBackbone> {
  const model = join(folder, BUNDLE_FILES.model);
  return { used, extractor: encodeModel(extractorOf(readModel(await readPlainFile(model)))) };
}

const fileOf = (run: string) => join(run, RUN_FILES.backbone, BUNDLE_FILES.model);

/** Puts the extractor into the folder of a run, which needs no other file of the backbone from then on. */
export async function writeExtractor(run: string, { extractor }: OpenedBackbone): Promise<void> {
  await mkdir(join(run, RUN_FILES.backbone), { recursive: true });
  await replaceFile(fileOf(run), extractor);
}

const weightsOf = (run: string) => join(run, RUN_FILES.backbone, BUNDLE_FILES.weights);

/** Puts the weights that others trained into the folder of a run. */
export async function writeTunedWeights(run: string, weights: TensorMap): Promise<void> {
  await mkdir(join(run, RUN_FILES.backbone), { recursive: true });
  await replaceFile(weightsOf(run), encodeSafetensors(weights, { format: 'roble-weights' }));
}

export async function readTunedWeights(run: string): Promise<TensorMap> {
  return decodeSafetensors(await readPlainFile(weightsOf(run))).tensors;
}

/** @throws {RobleError} `ROBLE_RUN_INVALID` where it is not what was written */
export async function readExtractor(run: string, { extractor }: UsedBackbone): Promise<Uint8Array> {
  const bytes = await readPlainFile(fileOf(run));
  if (sha256(bytes) === extractor) return bytes;
  throw new RobleError('ROBLE_RUN_INVALID', `${fileOf(run)} was changed after it was written.`, {
    received: 'another SHA-256',
    expected: `SHA-256 ${extractor}, as in ${RUN_FILES.request}`,
    nextSteps: ['Copy it from a backup, or begin a new run.'],
  });
}
