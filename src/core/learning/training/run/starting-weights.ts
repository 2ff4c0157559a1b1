import { RobleError } from '../../../base/errors.js';
import type { TensorMap } from '../../../base/storage/safetensors.js';
import { normalName } from '../../../base/text/names.js';
import { openBundle, readWeights } from '../../../model/bundle.js';
import { everyLayer, type Network, type ResolvedLayer } from '../../../model/network.js';
import { initialParameters } from '../../../model/random-tensors.js';

/** The weights that a run starts with, and where each layer's are from. Layers without weights are in no list. */
export interface StartingWeights {
  readonly parameters: TensorMap;
  /** Layers with all their weights from the bundle. */
  readonly copied: string[];
  /** Layers that start with random weights. */
  readonly fresh: string[];
  /** The last layer, when only some of the classes were known before. */
  readonly partly: string[];
}

/**
 * The first weights of a run: random ones, or those of a bundle (`train.from`). A layer takes the bundle's weights
 * when one of its name has the same shapes there. The last layer takes, class by class, those of the classes that
 * both know. Everything else starts with random weights.
 *
 * @param classes labels, in the order of the network's outputs
 * @param backbone weights of some layers in place of random ones
 * @param from folder of a bundle; undefined: everything starts with random weights
 * @throws {RobleError} as `openBundle` and `readWeights`, and `ROBLE_MODEL_INVALID` when no layer fits
 */
export async function startingWeights(
  network: Network,
  classes: readonly string[],
  seed: number,
  from: string | undefined,
  backbone: TensorMap = {},
): Promise<StartingWeights> {
  const parameters = { ...initialParameters(network, seed), ...backbone };
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
  const indices = new Map(source.classes.map((label, c) => [normalName(label), c]));
  const known = classes.flatMap((label, c) => {
    const old = indices.get(normalName(label));
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
