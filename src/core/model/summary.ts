import {
  layersInside,
  type Network,
  type ResolvedLayer,
  resolveNetwork,
  type SampleShape,
  sizeOf,
} from './network.js';
import type { ImageShape, ModelSpec } from './spec.js';

/** One layer of a summary. */
export interface LayerSummary {
  readonly name: string;
  readonly type: ResolvedLayer['type'];
  /** How many blocks it lies in. */
  readonly depth: number;
  /** Of one sample: [channels, height, width] or [units]. */
  readonly output: SampleShape;
  /** Values that training changes. */
  readonly parameters: number;
  /** Running statistics of batch norms. */
  readonly statistics: number;
  /** Multiplications with an addition, for one image forward; those of convolutions and dense layers are counted. */
  readonly multiplyAdds: number;
}

export interface ModelSummary {
  readonly input: ImageShape;
  readonly classes: number;
  /** In the order of the computation; the layers of a block follow it. */
  readonly layers: readonly LayerSummary[];
  readonly parameters: number;
  readonly statistics: number;
  readonly multiplyAdds: number;
}

/**
 * What an architecture consists of and costs.
 *
 * A training step costs about three times the multiply-adds of its images: forward, and two products of the same size
 * for the gradients of the input and of the weights.
 *
 * @example
 * summarizeModel({ input: { height: 28, width: 28, channels: 1 }, classes: 94, layers: layersOf({ preset: 'cnn-v2' }) }).parameters;
 * // 606206
 * @throws {RobleError} `ROBLE_MODEL_INVALID`, as {@link resolveNetwork}.
 */
export function summarizeModel(spec: ModelSpec): ModelSummary {
  const network: Network = resolveNetwork(spec);
  const layers = summarize(network.layers, 0);
  const total = (part: 'parameters' | 'statistics' | 'multiplyAdds') =>
    layers.reduce((sum, layer) => sum + layer[part], 0);
  return {
    input: network.input,
    classes: network.classes,
    layers,
    parameters: total('parameters'),
    statistics: total('statistics'),
    multiplyAdds: total('multiplyAdds'),
  };
}

function summarize(layers: readonly ResolvedLayer[], depth: number): LayerSummary[] {
  return layers.flatMap((layer) => {
    const { name, type, output } = layer;
    const count = (trainable: boolean) =>
      layer.parameters
        .filter((parameter) => parameter.trainable === trainable)
        .reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    const summary = {
      name,
      type,
      depth,
      output,
      parameters: count(true),
      statistics: count(false),
      multiplyAdds: multiplyAdds(layer),
    };
    return [summary, ...summarize(layersInside(layer), depth + 1)];
  });
}

function multiplyAdds(layer: ResolvedLayer): number {
  if (layer.type === 'conv')
    return (sizeOf(layer.output) * layer.input[0] * sizeOf(layer.window.kernel)) / layer.groups;
  return layer.type === 'dense' ? layer.input[0] * layer.units : 0;
}
