import { type Attributes, BLOCKED_DOMAIN, type GraphBuilder, type Value } from '../graph/builder.js';
import type { ConvShapes } from './conv-shapes.js';

/**
 * Convolutions in the runtime's own layout on CPU: channels in blocks as wide as a vector register. The operators are
 * internal to the runtime, so plan.ts takes them only after a probe on this machine has compared them with the plain
 * ones.
 */
export function blockedConvolution(
  graph: GraphBuilder,
  x: Value,
  weight: Value,
  inChannels: number,
  outChannels: number,
  attributes: Attributes,
  blockSize: number,
): Value {
  const blockedInput = graph.op('ReorderInput', [x], {}, BLOCKED_DOMAIN);
  const kernel = attributes.kernel_shape as readonly number[];
  const blockedWeight = blockWeight(graph, weight, [outChannels, inChannels, ...kernel], [0, 1], blockSize);
  const y = graph.op('Conv', [blockedInput, blockedWeight], attributes, BLOCKED_DOMAIN);
  return graph.op('ReorderOutput', [y], { channels: outChannels }, BLOCKED_DOMAIN);
}

/**
 * The weight gradient as a convolution of its own (stride 1 and symmetric padding): the batch plays the input
 * channels, and the output's gradient is the kernel. Gives [O, C, kh, kw].
 */
export function blockedWeightGradient(
  graph: GraphBuilder,
  shapes: ConvShapes,
  x: Value,
  gradient: Value,
  blockSize: number,
): Value {
  const { batch, outChannels, output, layer } = shapes;
  const samplesAsChannels = graph.op('ReorderInput', [graph.transpose(x, [1, 0, 2, 3])], {}, BLOCKED_DOMAIN);
  const kernel = blockWeight(graph, gradient, [batch, outChannels, output[0], output[1]], [1, 0], blockSize);
  const attributes = { kernel_shape: output, strides: [1, 1], pads: layer.window.padding };
  const blocked = graph.op('Conv', [samplesAsChannels, kernel], attributes, BLOCKED_DOMAIN);
  const result = graph.op('ReorderOutput', [blocked], { channels: outChannels }, BLOCKED_DOMAIN);
  return graph.transpose(result, [1, 0, 2, 3]);
}

/**
 * Brings a kernel into blocks: [O/b, I/b, kh, kw, b(I), b(O)]. `order` says which of the first two axes of `shape`
 * are O and I.
 */
function blockWeight(
  graph: GraphBuilder,
  weight: Value,
  shape: readonly number[],
  order: readonly [number, number],
  blockSize: number,
): Value {
  const [first, second, height, width] = shape as [number, number, number, number];
  const split = graph.reshape(weight, [
    first / blockSize,
    blockSize,
    second / blockSize,
    blockSize,
    height,
    width,
  ]);
  const [out, into] = [order[0] * 2, order[1] * 2];
  const blocks = graph.transpose(split, [out, into, 4, 5, into + 1, out + 1]);
  return graph.reshape(blocks, [shape[order[0]]!, shape[order[1]]!, height, width]);
}
