import type { ResolvedConv } from '../../../core/plugin/index.js';
import type { Value } from '../../../engine-kit/onnx/graph.js';
import { convAttributes, plainConvolution } from '../../../engine-kit/onnx/operators.js';
import { blockedConvolution, turnedBlockedConvolution } from './blocked.js';
import type { Layouts } from './layouts.js';
import {
  blockedWeightGradient,
  depthwiseWeightGradient,
  im2colWeightGradient,
  wideWeightGradient,
} from './weight-gradients.js';
import { beyondWindows, type ConvShapes, isDepthwise } from './windows.js';

/**
 * The ways to compute a convolution and its two gradients. Each is a small function from shapes to nodes; which one is
 * taken for which layer is the plan's choice (execution-plan.ts). All are exact; they differ in speed and order of summation.
 */
export type ForwardLowering = 'plain' | 'blocked';
export type InputGradientLowering = 'transposed' | 'flipped' | 'blocked';
export type WeightGradientLowering =
  | 'im2col'
  | 'blockedWide'
  | 'blocked'
  | 'blockedSwapped'
  | 'depthwise'
  | 'blockedDepthwise';

export interface ConvLowering {
  readonly forward: ForwardLowering;
  readonly inputGradient: InputGradientLowering;
  readonly weightGradient: WeightGradientLowering;
}

/** x [N, C, H, W], weight [O, C / groups, kh, kw], bias [O] or none -> [N, O, H', W'], in blocks where it is so computed. */
export function convForward(
  layouts: Layouts,
  lowering: ForwardLowering,
  shapes: ConvShapes,
  x: Value,
  [weight, ...bias]: readonly [Value, ...Value[]],
): Value {
  const { layer, inChannels, outChannels } = shapes;
  if (lowering === 'blocked') {
    const { group: _, ...attributes } = convAttributes(layer);
    const depthwise = isDepthwise(layer);
    return blockedConvolution(layouts, x, [weight, ...bias], {
      inChannels,
      outChannels,
      attributes,
      depthwise,
    });
  }
  const channels = { into: inChannels, out: outChannels };
  return plainConvolution(
    layouts.graph,
    [layouts.plain(x), weight, ...bias],
    channels,
    convAttributes(layer),
  );
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
  const { layer, inChannels, outChannels, input, output, groups } = shapes;
  const { kernel, padding } = layer.window;
  if (lowering === 'transposed') {
    const rest = beyondWindows(layer.window, input, output);
    const attributes = { ...convAttributes(layer), output_padding: rest };
    return graph.op('ConvTranspose', [layouts.plain(gradient), weight], attributes);
  }
  if (lowering === 'blocked' && isDepthwise(layer))
    return depthwiseInputGradient(layouts, shapes, gradient, weight);
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
  const turned = graph.turn(weight, kernel);
  if (groups === 1)
    return graph.op('Conv', [layouts.plain(gradient), graph.transpose(turned, [1, 0, 2, 3])], attributes);
  const [into, out] = [inChannels / groups, outChannels / groups];
  const parts = graph.transpose(graph.reshape(turned, [groups, out, into, ...kernel]), [0, 2, 1, 3, 4]);
  const flipped = graph.reshape(parts, [inChannels, out, ...kernel]);
  return graph.op('Conv', [layouts.plain(gradient), flipped], { ...attributes, group: groups });
}

/**
 * Of a depthwise convolution in blocks: the gradient, with zeros between its rows and columns where the windows are further
 * apart than a pixel, convolved with the turned kernels.
 */
function depthwiseInputGradient(layouts: Layouts, shapes: ConvShapes, gradient: Value, weight: Value): Value {
  const { layer, inChannels: channels } = shapes;
  const { kernel, stride, padding } = layer.window;
  const isApart = stride.some((side) => side > 1);
  const pads = [kernel[0] - 1 - padding[0], kernel[1] - 1 - padding[1], ...padsAfter(shapes)];
  return turnedBlockedConvolution(
    layouts,
    isApart ? spreadApart(layouts, shapes, gradient) : gradient,
    weight,
    {
      inChannels: channels,
      outChannels: channels,
      attributes: { kernel_shape: kernel, strides: [1, 1], pads },
      depthwise: true,
    },
  );
}

/** The output's gradient in blocks, each value followed by zeros as far as the next window: [N, C, H' * stride, W' * stride]. */
function spreadApart(
  layouts: Layouts,
  { layer, batch, outChannels: channels, output }: ConvShapes,
  gradient: Value,
): Value {
  const { graph, blockSize } = layouts;
  const { stride } = layer.window;
  const rows = [(batch * channels * output[0]) / blockSize, 1, output[1], blockSize];
  const zeros = graph.ints([0, 0, 0, 0, 0, stride[0] - 1, 0, (stride[1] - 1) * blockSize]);
  const apart = graph.op('Pad', [graph.reshape(layouts.blocked(gradient, channels), rows), zeros]);
  const sides = output.map((side, axis) => side * stride[axis]!);
  return layouts.inBlocks(graph.reshape(apart, [batch, channels, ...sides]), channels);
}

/** Rows and columns after the gradient, with `stride - 1` zeros after each value, from which its input's can be computed. */
function padsAfter({
  layer,
  input,
  output,
}: Pick<ConvShapes, 'layer' | 'input' | 'output'>): [number, number] {
  const { stride, padding } = layer.window;
  const after = (axis: 0 | 1) => input[axis] - output[axis] * stride[axis] + padding[axis];
  return [after(0), after(1)];
}

/** Gradient with respect to the weight [O, C / groups, kh, kw]. */
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
    case 'depthwise':
    case 'blockedDepthwise':
      return depthwiseWeightGradient(layouts, shapes, x, gradient, lowering === 'blockedDepthwise');
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
export function convCandidates(layer: ResolvedConv, batch: number, blockSize: number): ConvCandidates {
  const { window, input, output } = layer;
  const fits = (channels: number) => blockSize > 0 && channels % blockSize === 0;
  const unitStride = window.stride.every((side) => side === 1);
  if (layer.groups > 1) return groupedCandidates(layer, fits(input[0]), unitStride);
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

/** Depthwise, each block of channels is computed by itself, whatever the batch; other groups lie across blocks. */
function groupedCandidates(layer: ResolvedConv, inBlocks: boolean, unitStride: boolean): ConvCandidates {
  if (!isDepthwise(layer))
    return {
      forward: 'plain',
      inputGradient: unitStride ? 'flipped' : 'transposed',
      weightGradients: ['im2col'],
    };
  if (!inBlocks)
    return {
      forward: 'plain',
      inputGradient: unitStride ? 'flipped' : 'transposed',
      weightGradients: ['depthwise', 'im2col'],
    };
  const [input, output] = [layer.input, layer.output].map(([, ...sides]) => sides as [number, number]);
  const canSpread = padsAfter({ layer, input: input!, output: output! }).every((side) => side >= 0);
  return {
    forward: 'blocked',
    inputGradient: canSpread ? 'blocked' : 'transposed',
    weightGradients: ['blockedDepthwise'],
  };
}
