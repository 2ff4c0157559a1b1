import { type Attributes, BLOCKED_DOMAIN, type Value } from '../../../engine-kit/onnx/graph.js';
import type { Layouts } from './layouts.js';

interface BlockedConvolution {
  /** Whole blocks, or fewer channels than a block. */
  readonly inChannels: number;
  /** Whole blocks. */
  readonly outChannels: number;
  readonly attributes: Attributes & { readonly kernel_shape: readonly [number, number] };
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
  // [O, I, kh, kw] as [I, O, kh, kw].
  const kernels = layouts.graph.transpose(weight, [1, 0, 2, 3]);
  const kernel = blockKernels(layouts, kernels, convolution);
  return convolveBlocks(layouts, x, [kernel, ...bias], convolution);
}

/** As {@link blockedConvolution}, with kernels [I, O, kh, kw] that are turned by 180 degrees first. */
export function turnedBlockedConvolution(
  layouts: Layouts,
  x: Value,
  weight: Value,
  convolution: BlockedConvolution,
): Value {
  return convolveBlocks(layouts, x, [blockKernels(layouts, weight, convolution, true)], convolution);
}

function convolveBlocks(
  layouts: Layouts,
  x: Value,
  parameters: readonly Value[],
  { inChannels, outChannels, attributes }: BlockedConvolution,
): Value {
  // Fewer channels than a block are read as they lie.
  const pictures = layouts.fits(inChannels) ? layouts.blocked(x, inChannels) : layouts.plain(x);
  const y = layouts.graph.op('Conv', [pictures, ...parameters], attributes, BLOCKED_DOMAIN);
  return layouts.inBlocks(y, outChannels);
}

/**
 * Kernels [I, O, kh, kw], turned or not, in blocks: [O/b, I/b, kh, kw, b(I), b(O)], or [O/b, I, kh, kw, b(O)] of fewer
 * inputs than a block. Once the outputs are in blocks, what moves is whole vectors.
 */
function blockKernels(
  { graph, blockSize }: Layouts,
  weight: Value,
  { inChannels: into, outChannels: out, attributes }: BlockedConvolution,
  turned = false,
): Value {
  const [height, width] = attributes.kernel_shape;
  const taps = height * width;
  const block = into % blockSize === 0 ? blockSize : 1;
  const vectors = graph.reshape(graph.op('ReorderInput', [weight], {}, BLOCKED_DOMAIN), [
    into / block,
    block,
    out / blockSize,
    taps,
    blockSize,
  ]);
  const inOrder = turned ? graph.slice(vectors, [-1], [-taps - 1], [3], [-1]) : vectors;
  return graph.reshape(graph.transpose(inOrder, [2, 0, 3, 1, 4]), [out, into, height, width]);
}
