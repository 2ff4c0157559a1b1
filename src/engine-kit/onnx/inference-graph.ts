import {
  type Network,
  type ResolvedBatchNorm,
  type ResolvedConv,
  type ResolvedLayer,
  sizeOf,
  type TensorMap,
} from '../../core/plugin/index.js';
import { GraphBuilder, type Value } from './graph.js';
import { ACTIVATIONS, convAttributes, plainConvolution } from './operators.js';

/**
 * The classifier as an ONNX model: `images` uint8 [N, H, W, C] -> `probabilities` float32 [N, classes], any N, with
 * the weights inside. `fold` puts each batch norm that follows a convolution into its weights (Jacob et al. 2018,
 * section 3.2); without it the graph is the training graph's own arithmetic, to compare with.
 */
export function buildInferenceGraph(
  network: Network,
  tensors: TensorMap,
  { fold, metadata = {} }: { fold: boolean; metadata?: Readonly<Record<string, string>> },
): Uint8Array {
  const graph = new GraphBuilder();
  const logits = inferSequence({ graph, tensors, fold }, network.layers, scaledImages(graph, network, -1));
  graph.output(graph.op('Softmax', [logits], { axis: 1 }), 'probabilities', 'float32', [
    'N',
    network.classes,
  ]);
  return graph.encode(metadata);
}

interface InferenceScope {
  readonly graph: GraphBuilder;
  readonly tensors: TensorMap;
  readonly fold: boolean;
}

function inferSequence(scope: InferenceScope, layers: readonly ResolvedLayer[], x: Value): Value {
  let value = x;
  for (let i = 0; i < layers.length; i++) {
    const [layer, next] = [layers[i]!, layers[i + 1]];
    if (scope.fold && layer.type === 'conv' && next?.type === 'batchNorm') {
      value = convolve(scope, layer, value, foldedWeights(scope.tensors, layer, next));
      i++;
    } else value = infer(scope, layer, value);
  }
  return value;
}

function infer(scope: InferenceScope, layer: ResolvedLayer, x: Value): Value {
  const { graph } = scope;
  const constant = (part: string) => constantOf(scope, `${layer.name}.${part}`);
  switch (layer.type) {
    case 'conv':
      return convolve(scope, layer, x, {
        weight: scope.tensors[`${layer.name}.weight`]!.data,
        bias: scope.tensors[`${layer.name}.bias`]?.data,
      });
    case 'batchNorm':
      return graph.op('BatchNormalization', [x, ...['scale', 'bias', 'mean', 'variance'].map(constant)], {
        epsilon: layer.layer.epsilon,
      });
    case 'relu':
    case 'gelu':
    case 'silu':
    case 'relu6':
    case 'hardSwish':
    case 'hardSigmoid':
    case 'sigmoid':
      return ACTIVATIONS[layer.type](graph, x).output;
    case 'maxPool':
    case 'averagePool': {
      const { kernel, stride, padding } = layer.window;
      const attributes = { kernel_shape: kernel, strides: stride, pads: padding };
      return layer.type === 'maxPool'
        ? graph.op('MaxPool', [x], attributes)
        : graph.op('AveragePool', [x], {
            ...attributes,
            count_include_pad: layer.layer.countPadding ? 1 : 0,
          });
    }
    case 'globalAveragePool':
      return graph.op('ReduceMean', [x], { axes: [2, 3], keepdims: 0 });
    case 'globalMaxPool':
      return graph.op('ReduceMax', [x], { axes: [2, 3], keepdims: 0 });
    case 'dropout':
      return x;
    case 'flatten':
      return graph.reshape(x, [-1, sizeOf(layer.input)]);
    case 'dense':
      return graph.op('Gemm', [x, constant('weight'), ...(layer.layer.bias ? [constant('bias')] : [])]);
    case 'squeezeExcite': {
      const factors = inferSequence(scope, layer.body, x);
      return graph.op('Mul', [x, graph.reshape(factors, [-1, layer.input[0], 1, 1])]);
    }
    case 'residual': {
      const shortcut = layer.projection.length > 0 ? inferSequence(scope, layer.projection, x) : x;
      return graph.op('Add', [inferSequence(scope, layer.body, x), shortcut]);
    }
  }
}

function constantOf({ graph, tensors }: InferenceScope, name: string): Value {
  const { shape, data } = tensors[name]!;
  return graph.tensor(name, shape, () => data);
}

interface ConvWeights {
  readonly weight: Float32Array;
  readonly bias: Float32Array | undefined;
}

function convolve(
  { graph }: InferenceScope,
  layer: ResolvedConv,
  x: Value,
  { weight, bias }: ConvWeights,
): Value {
  const channels = { into: layer.input[0], out: layer.output[0] };
  const kernels = graph.tensor(`${layer.name}.weight`, layer.parameters[0]!.shape, () => weight);
  const offsets = bias ? [graph.tensor(`${layer.name}.bias`, [channels.out], () => bias)] : [];
  return plainConvolution(graph, [x, kernels, ...offsets], channels, convAttributes(layer));
}

function foldedWeights(tensors: TensorMap, conv: ResolvedConv, norm: ResolvedBatchNorm): ConvWeights {
  const of = (layer: string, part: string) => tensors[`${layer}.${part}`]?.data;
  const [scale, offset, mean, variance] = ['scale', 'bias', 'mean', 'variance'].map(
    (part) => of(norm.name, part)!,
  );
  const weight = Float32Array.from(of(conv.name, 'weight')!);
  const bias = new Float32Array(conv.output[0]);
  const perFilter = weight.length / bias.length;
  for (let filter = 0; filter < bias.length; filter++) {
    const factor = scale![filter]! / Math.sqrt(variance![filter]! + norm.layer.epsilon);
    for (let i = 0; i < perFilter; i++) weight[filter * perFilter + i]! *= factor;
    bias[filter] = offset![filter]! + ((of(conv.name, 'bias')?.[filter] ?? 0) - mean![filter]!) * factor;
  }
  return { weight, bias };
}

/**
 * [N, H, W, C] -> float32 [N, C, H, W]: pictures in 0..255 are scaled to 0..1. Features are not, and become [N, C] where they
 * have no height and width. `batch` -1: any number.
 */
export function scaledImages(graph: GraphBuilder, { input, inputType }: Network, batch: number): Value {
  const { height, width, channels } = input;
  const images = graph.input('images', inputType, [batch === -1 ? 'N' : batch, height, width, channels]);
  if (inputType === 'float32')
    return height * width === 1
      ? graph.reshape(images, [batch, channels])
      : graph.transpose(images, [0, 3, 1, 2]);
  const scaled = (value: Value) =>
    graph.op('Mul', [graph.op('Cast', [value], { to: 1 }), graph.float(1 / 255)]);
  // The runtime multiplies a tensor whose last side is 1 number by number: ten times as slow.
  return channels === 1
    ? scaled(graph.reshape(images, [batch, 1, height, width]))
    : graph.transpose(scaled(images), [0, 3, 1, 2]);
}
