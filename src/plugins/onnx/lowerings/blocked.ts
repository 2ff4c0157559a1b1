import { type Attributes, BLOCKED_DOMAIN, type Value } from '../../../engine-kit/onnx/graph.js';
import type { Layouts } from './layouts.js';

interface BlockedConvolution {
  /** Whole blocks, or fewer channels than a block. */
  readonly inChannels: number;
  /** Whole blocks. */
  readonly outChannels: number;
  readonly attributes: Attributes & { readonly kernel_shape: readonly [number, number] };
  /** Each channel is convolved by itself, to one of the output. */
  readonly depthwise?: boolean;
}

/**
 * A convolution in the runtime's own layout on CPU: channels in blocks as wide as a vector register. The operators are
 * internal to the runtime, so they are used only after a probe has compared them with the plain ones (probe-blocks.ts).
 *
 * x [N, I, H, W] in either layout, weight [O, I, kh, kw], bias [O] or none -> [N, O, H', W'] in blocks.
 */
export function blockedConvolution(
  layouts: Layouts,
  x: Value,
  [weight, ...bias]: readonly [Value, ...Value[]],
  convolution: BlockedConvolution,
): Value {
  return convolveBlocks(layouts, x, [blockKernels(layouts, weight, convolution), ...bias], convolution);
}

/** As {@link blockedConvolution}, with kernels [I, O, kh, kw], or depthwise [O, 1, kh, kw], that are turned by 180 degrees first. */
export function turnedBlockedConvolution(
  layouts: Layouts,
  x: Value,
  weight: Value,
  convolution: BlockedConvolution,
): Value {
  const { attributes, depthwise } = convolution;
  const kernels = depthwise
    ? blockKernels(layouts, layouts.graph.turn(weight, attributes.kernel_shape), convolution)
    : turnedBlockKernels(layouts, weight, convolution);
  return convolveBlocks(layouts, x, [kernels], convolution);
}

function convolveBlocks(
  layouts: Layouts,
  x: Value,
  parameters: readonly Value[],
  { inChannels, outChannels, attributes, depthwise }: BlockedConvolution,
): Value {
  // Fewer channels than a block are read as they lie.
  const pictures = layouts.fits(inChannels) ? layouts.blocked(x, inChannels) : layouts.plain(x);
  const group = depthwise ? { group: inChannels } : {};
  const y = layouts.graph.op('Conv', [pictures, ...parameters], { ...attributes, ...group }, BLOCKED_DOMAIN);
  return layouts.inBlocks(y, outChannels);
}

/**
 * Kernels [O, I, kh, kw] in blocks: [O/b, I/b, kh, kw, b(I), b(O)], or [O/b, I, kh, kw, b(O)] of fewer inputs than a
 * block. A block of outputs is brought inside first: then what moves is whole vectors.
 */
function blockKernels(
  { graph, blockSize }: Layouts,
  weight: Value,
  { inChannels, outChannels: out, attributes, depthwise }: BlockedConvolution,
): Value {
  const [height, width] = attributes.kernel_shape;
  const into = depthwise ? 1 : inChannels;
  const taps = height * width;
  const rows = graph.reshape(weight, [out / blockSize, blockSize, 1, into * taps]);
  const vectors = graph.op('ReorderInput', [rows], {}, BLOCKED_DOMAIN);
  const shape = [out, into, height, width];
  if (into < blockSize) return graph.reshape(vectors, shape);
  const blocks = graph.reshape(vectors, [out / blockSize, into / blockSize, blockSize, taps, blockSize]);
  return graph.reshape(graph.transpose(blocks, [0, 1, 3, 2, 4]), shape);
}

/** Kernels [I, O, kh, kw], turned by 180 degrees, in blocks: [O/b, I/b, kh, kw, b(I), b(O)]. */
function turnedBlockKernels(
  { graph, blockSize }: Layouts,
  weight: Value,
  { inChannels: into, outChannels: out, attributes }: BlockedConvolution,
): Value {
  const [height, width] = attributes.kernel_shape;
  const taps = height * width;
  const vectors = graph.reshape(graph.op('ReorderInput', [weight], {}, BLOCKED_DOMAIN), [
    into / blockSize,
    blockSize,
    out / blockSize,
    taps,
    blockSize,
  ]);
  const turned = graph.slice(vectors, [-1], [-taps - 1], [3], [-1]);
  return graph.reshape(graph.transpose(turned, [2, 0, 3, 1, 4]), [out, into, height, width]);
}
