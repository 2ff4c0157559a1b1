import type { ResolvedConv } from '../../../core/plugin/index.js';
import type { Value } from '../../../engine-kit/onnx/graph.js';
import { plainConvolution } from '../../../engine-kit/onnx/operators.js';
import { blockedConvolution, turnedBlockedConvolution } from './blocked.js';
import type { Layouts } from './layouts.js';
import { blockedWeightGradient, im2colWeightGradient, wideWeightGradient } from './weight-gradients.js';
import { beyondWindows, type ConvShapes } from './windows.js';

/**
 * The ways to compute a convolution and its two gradients. Each is a small function from shapes to nodes; which one is
 * taken for which layer is the plan's choice (execution-plan.ts). All are exact; they differ in speed and order of summation.
 */
export type ForwardLowering = 'plain' | 'blocked';
export type InputGradientLowering = 'transposed' | 'flipped' | 'blocked';
export type WeightGradientLowering = 'im2col' | 'blockedWide' | 'blocked' | 'blockedSwapped';

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

/** x [N, C, H, W], weight [O, C, kh, kw], bias [O] or none -> [N, O, H', W'], in blocks where it is so computed. */
export function convForward(
  layouts: Layouts,
  lowering: ForwardLowering,
  shapes: ConvShapes,
  x: Value,
  [weight, ...bias]: readonly [Value, ...Value[]],
): Value {
  const { layer, inChannels, outChannels } = shapes;
  const attributes = attributesOf(layer);
  if (lowering === 'blocked')
    return blockedConvolution(layouts, x, [weight, ...bias], { inChannels, outChannels, attributes });
  const channels = { into: inChannels, out: outChannels };
  return plainConvolution(layouts.graph, [layouts.plain(x), weight, ...bias], channels, attributes);
}

/** Gradient of the loss with respect to x, of the shape of x, from that of the output. */
export function convInputGradient(
  layouts: Layouts,
  lowering: InputGradientLowering,
  shapes: ConvShapes,
  gradient: Value,
  weight: Value,
): Value {
  const { graph } = layouts;
  const { layer, inChannels, outChannels, input, output } = shapes;
  const { kernel, padding } = layer.window;
  if (lowering === 'transposed') {
    const rest = beyondWindows(layer.window, input, output);
    const attributes = { ...attributesOf(layer), output_padding: rest };
    return graph.op('ConvTranspose', [layouts.plain(gradient), weight], attributes);
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
    return turnedBlockedConvolution(layouts, gradient, weight, {
      inChannels: outChannels,
      outChannels: inChannels,
      attributes,
    });
  const flipped = graph.transpose(graph.turn(weight, kernel), [1, 0, 2, 3]);
  return graph.op('Conv', [layouts.plain(gradient), flipped], attributes);
}

/** Gradient with respect to the weight [O, C, kh, kw]. */
export function convWeightGradient(
  layouts: Layouts,
  lowering: WeightGradientLowering,
  shapes: ConvShapes,
  x: Value,
  gradient: Value,
): Value {
  switch (lowering) {
    case 'im2col':
      return im2colWeightGradient(layouts, shapes, x, gradient);
    case 'blockedWide':
      return wideWeightGradient(layouts, shapes, x, gradient);
    default:
      return blockedWeightGradient(layouts, shapes, x, gradient, lowering === 'blockedSwapped');
  }
}

/** How a convolution is computed by its shape, and the ways left for its weight gradient, the one to take unmeasured first. */
export interface ConvCandidates extends Omit<ConvLowering, 'weightGradient'> {
  readonly weightGradients: readonly WeightGradientLowering[];
}

/**
 * What a convolution's shape allows. The blocked layout needs whole blocks of channels, or as inputs fewer than a block,
 * and for the weight gradient, where the batch plays the channels, whole blocks of samples; turning kernels needs
 * stride 1. Where the layout allows it the convolution itself is computed in blocks, as is all around it.
 */
export function convCandidates(
  { window, input, output }: ResolvedConv,
  batch: number,
  blockSize: number,
): ConvCandidates {
  const fits = (channels: number) => blockSize > 0 && channels % blockSize === 0;
  const unitStride = window.stride.every((side) => side === 1);
  const [into, out] = [fits(input[0]), fits(output[0])];
  const inBlocks = out && (into || input[0] < blockSize);
  const weightGradients = (): readonly WeightGradientLowering[] => {
    if (!fits(batch)) return ['im2col'];
    if (inBlocks) return ['blockedWide', 'im2col'];
    if (!unitStride) return ['im2col'];
    return out ? ['blocked', 'im2col'] : into ? ['im2col', 'blockedSwapped'] : ['im2col'];
  };
  return {
    forward: inBlocks ? 'blocked' : 'plain',
    inputGradient: !unitStride ? 'transposed' : into && out ? 'blocked' : 'flipped',
    weightGradients: weightGradients(),
  };
}
