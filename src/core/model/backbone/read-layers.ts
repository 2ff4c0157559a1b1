import { z } from 'zod';
import { RobleError } from '../../base/errors.js';
import type { TensorMap } from '../../base/storage/safetensors.js';
import { type ResolvedLayer, resolveNetwork } from '../network.js';
import { readGraph } from '../onnx/file-graph.js';
import { inferShapes } from '../onnx/shapes.js';
import { type ImageShape, type Layer, type LayerInput, layerSchema } from '../spec.js';
import { GraphWalk, type Part, Unreadable } from './graph-walk.js';
import { type BackboneFeatures, type BackboneInput, sidesOf } from './inspect-backbone.js';
import { AXES, beginningOf, type Normalization } from './normalization.js';

/** A backbone as layers, which can be trained. */
export interface ReadLayers {
  readonly input: ImageShape;
  /** Up to the features, a vector: a head follows. */
  readonly layers: readonly Layer[];
  /** Parameters and running statistics by `layer.part`, as they are called when these layers are the first of a model. */
  readonly weights: TensorMap;
  /** Layers that are no part of what was learned, and that training is to leave as they are: the normalization. */
  readonly fixed: readonly string[];
}

/** Name of the layer that normalizes the pictures. */
const NORMALIZE = 'normalize';

/**
 * Reads an ONNX file back into layers and weights: networks of convolutions, batch norms, activations, pooling, dense layers,
 * squeeze-and-excite and sums of branches, such as ResNet, MobileNetV2 and V3, EfficientNet and EfficientNet-Lite as PyTorch
 * exports them. Pictures come as values of 0..1 (uint8 / 255).
 *
 * The normalization becomes the first layer, a convolution of one pixel for each channel by itself: exact at the borders too,
 * where the network pads the normalized picture with zeros, so that it cannot be a part of the next convolution. Without
 * `normalization` the layers take what the file's input takes.
 *
 * @throws {RobleError} `ROBLE_BACKBONE_INVALID`, with the node that roble has no layer for; `ROBLE_ONNX_INVALID`
 *
 * @example
 * const { layers, weights } = readLayers(bytes, usableBackbone(inspectBackbone(bytes, { normalization: 'imagenet' }), file));
 */
export function readLayers(
  bytes: Uint8Array,
  description: {
    readonly input: BackboneInput;
    readonly features: BackboneFeatures;
    readonly normalization?: Normalization | undefined;
  },
): ReadLayers {
  const { input, features, normalization } = description;
  const graph = readGraph(bytes);
  try {
    const walk = new GraphWalk(graph, inferShapes(graph, new Map([[input.name, sidesOf(input)]])));
    const beginning = beginningOf(graph, input.name, AXES[input.layout].channels);
    const start = input.layout === 'NCHW' ? beginning.end : walk.transposed(beginning.end);
    const parts = walk.between(start, features.name);
    if (!walk.isPooled(features.name) && features.isMap)
      parts.push({ layer: { type: 'globalAveragePool' }, tensors: {} });
    const { height, width, channels } = input;
    const { scale, shift } = beginning.affine;
    const isChanged = normalization !== undefined || beginning.steps > 0;
    const { mean, deviation } = normalization ?? { mean: [0], deviation: [1] };
    const at = (values: readonly number[], i: number) => values[values.length === 1 ? 0 : i]!;
    const each = (compute: (i: number) => number) =>
      Float32Array.from({ length: channels }, (_, i) => compute(i));
    if (isChanged)
      parts.unshift({
        layer: {
          type: 'conv',
          name: NORMALIZE,
          filters: channels,
          kernel: 1,
          padding: 'valid',
          ...(channels > 1 && { groups: channels }),
        },
        tensors: {
          weight: { shape: [channels, 1, 1, 1], data: each((i) => at(scale, i) / at(deviation, i)) },
          bias: {
            shape: [channels],
            data: each((i) => at(shift, i) - (at(scale, i) * at(mean, i)) / at(deviation, i)),
          },
        },
      });
    return { ...named(parts, { height, width, channels }), fixed: isChanged ? [NORMALIZE] : [] };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    throw new RobleError('ROBLE_BACKBONE_INVALID', `The file cannot be read as layers: ${error.message}`, {
      expected: 'a network of the layers that roble trains',
      nextSteps: ['It can still be used frozen, as it is, with a head that is trained on its features.'],
    });
  }
}

/** Parts as layers, with their weights by the names that the layers get. */
function named(parts: readonly Part[], input: ImageShape): Omit<ReadLayers, 'fixed'> {
  const parsed = z.array(layerSchema).safeParse(parts.map(layerOf));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Unreadable(
      `a number of a layer is out of bounds: ${issue?.path.join('.')}: ${issue?.message}.`,
    );
  }
  const layers = parsed.data;
  const head: Layer = { type: 'dense', units: 'classes', bias: true };
  let resolved: readonly ResolvedLayer[];
  try {
    resolved = resolveNetwork({ input, classes: 2, layers: [...layers, head] }).layers;
  } catch (error) {
    if (error instanceof RobleError && error.code === 'ROBLE_MODEL_INVALID')
      throw new Unreadable(error.message);
    throw error;
  }
  const weights: TensorMap = {};
  collect(parts, resolved, weights);
  return { input, layers, weights };
}

function layerOf({ layer, body, shortcut }: Part): LayerInput {
  if (!body) return layer;
  return {
    type: 'residual',
    layers: body.map(layerOf),
    ...(shortcut && shortcut.length > 0 && { shortcut: shortcut.map(layerOf) }),
  };
}

function collect(parts: readonly Part[], layers: readonly ResolvedLayer[], weights: TensorMap): void {
  for (const [i, part] of parts.entries()) {
    const layer = layers[i]!;
    if (layer.type === 'residual') {
      if (layer.projection.length !== (part.shortcut?.length ?? 0))
        throw new Unreadable(`the sum that became "${layer.name}" is one of different shapes.`);
      collect(part.body ?? [], layer.body, weights);
      collect(part.shortcut ?? [], layer.projection, weights);
      continue;
    }
    const inner = layer.type === 'squeezeExcite' ? layer.body : [layer];
    for (const { name, shape } of inner.flatMap(({ parameters }) => parameters)) {
      const tensor = part.tensors[name.slice(layer.name.length + 1)];
      if (tensor?.shape.join() !== shape.join())
        throw new Unreadable(
          `"${name}" has the sides ${tensor?.shape.join(' x ')}, not ${shape.join(' x ')}.`,
        );
      weights[name] = tensor;
    }
  }
}
