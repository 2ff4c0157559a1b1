import type { ResolvedConv } from '../../../core/plugin/index.js';
import type { GraphBuilder, Value } from '../../../engine-kit/onnx/graph.js';
import { plainConvolution } from '../../../engine-kit/onnx/operators.js';
import { blockedConvolution, blockedWeightGradient, turnedBlockedConvolution } from './blocked.js';
import { beyondWindows, type ConvShapes, windowTaps } from './windows.js';

/**
 * The ways to compute a convolution and its two gradients. Each is a small function from shapes to nodes; which one is
 * taken for which layer is the plan's choice (execution-plan.ts). All are exact; they differ in speed and order of summation.
 */
export type ForwardLowering = 'plain' | 'blocked';
export type InputGradientLowering = 'transposed' | 'flipped' | 'blocked';
export type WeightGradientLowering = 'im2col' | 'blocked' | 'blockedSwapped';

export interface ConvLowering {
  readonly forward: ForwardLowering;
  readonly inputGradient: InputGradientLowering;
  readonly weightGradient: WeightGradientLowering;
}

const attributesOf = ({ window }: ResolvedConv) => ({
  kernel_shape: window.kernel,
  strides: window.stride,
  pads: window.padding,
});

/** x [N, C, H, W], weight [O, C, kh, kw] -> [N, O, H', W'], without bias. */
export function convForward(
  graph: GraphBuilder,
  lowering: ForwardLowering,
  shapes: ConvShapes,
  x: Value,
  weight: Value,
  blockSize: number,
): Value {
  const { layer, inChannels, outChannels } = shapes;
  if (lowering === 'blocked')
    return blockedConvolution(graph, x, weight, {
      inChannels,
      outChannels,
      attributes: attributesOf(layer),
      blockSize,
    });
  const channels = { into: inChannels, out: outChannels };
  return plainConvolution(graph, [x, weight], channels, attributesOf(layer));
}

/** Gradient of the loss with respect to x, of the shape of x, from that of the output. */
export function convInputGradient(
  graph: GraphBuilder,
  lowering: InputGradientLowering,
  shapes: ConvShapes,
  gradient: Value,
  weight: Value,
  blockSize: number,
): Value {
  const { layer, inChannels, outChannels, input, output } = shapes;
  const { kernel, padding } = layer.window;
  if (lowering === 'transposed') {
    const rest = beyondWindows(layer.window, input, output);
    return graph.op('ConvTranspose', [gradient, weight], { ...attributesOf(layer), output_padding: rest });
  }
  // Stride 1: the gradient is a convolution with the kernels turned by 180 degrees, padded to the input's size.
  const pads = [
    kernel[0] - 1 - padding[0],
    kernel[1] - 1 - padding[1],
    kernel[0] - 1 - padding[2],
    kernel[1] - 1 - padding[3],
  ];
  const attributes = { kernel_shape: kernel, strides: [1, 1], pads };
  if (lowering === 'blocked')
    return turnedBlockedConvolution(graph, gradient, weight, {
      inChannels: outChannels,
      outChannels: inChannels,
      attributes,
      blockSize,
    });
  const flipped = graph.transpose(graph.turn(weight, kernel), [1, 0, 2, 3]);
  return graph.op('Conv', [gradient, flipped], attributes);
}

/** Gradient with respect to the weight [O, C, kh, kw]. */
export function convWeightGradient(
  graph: GraphBuilder,
  lowering: WeightGradientLowering,
  shapes: ConvShapes,
  x: Value,
  gradient: Value,
  blockSize: number,
): Value {
  return lowering === 'im2col'
    ? im2colWeightGradient(graph, shapes, x, gradient)
    : blockedWeightGradient(graph, shapes, x, gradient, blockSize, lowering === 'blockedSwapped');
}

/** One matrix product of the output's gradient with all shifted copies of the input. */
function im2colWeightGradient(graph: GraphBuilder, shapes: ConvShapes, x: Value, gradient: Value): Value {
  const { batch, inChannels, outChannels, output, layer } = shapes;
  const { kernel } = layer.window;
  const positions = batch * output[0] * output[1];
  const taps = kernel[0] * kernel[1];
  const stacked = graph.reshape(windowTaps(graph, x, layer.window, output), [
    batch,
    taps * inChannels,
    output[0] * output[1],
  ]);
  const columns = graph.reshape(graph.transpose(stacked, [1, 0, 2]), [taps * inChannels, positions]);
  const rows = graph.reshape(graph.transpose(gradient, [1, 0, 2, 3]), [outChannels, positions]);
  const product = graph.op('Gemm', [rows, columns], { transB: 1 });
  return graph.transpose(
    graph.reshape(product, [outChannels, kernel[0], kernel[1], inChannels]),
    [0, 3, 1, 2],
  );
}

/** The lowerings that a convolution can take; the first of each is the one to take where none is measured. */
export interface ConvCandidates {
  readonly forward: readonly ForwardLowering[];
  readonly inputGradient: readonly InputGradientLowering[];
  readonly weightGradient: readonly WeightGradientLowering[];
}

/**
 * What a convolution's shape allows. The blocked layout needs whole blocks of channels, and for the weight gradient,
 * where the batch plays the channels, whole blocks of samples; turning kernels needs stride 1.
 */
export function convCandidates(
  { window, input, output }: ResolvedConv,
  batch: number,
  blockSize: number,
): ConvCandidates {
  const fits = (channels: number) => blockSize > 0 && channels % blockSize === 0;
  const unitStride = window.stride.every((side) => side === 1);
  const [into, out] = [fits(input[0]), fits(output[0])];
  const wholeSamples = unitStride && fits(batch);
  return {
    forward: into && out ? ['blocked', 'plain'] : ['plain'],
    inputGradient: !unitStride ? ['transposed'] : into && out ? ['blocked', 'flipped'] : ['flipped'],
    weightGradient: [
      ...(wholeSamples && out ? (['blocked'] as const) : []),
      'im2col',
      ...(wholeSamples && into ? (['blockedSwapped'] as const) : []),
    ],
  };
}
