import type { Padding } from '../../../core/plugin/index.js';
import { type Attributes, BLOCKED_DOMAIN, GraphBuilder, type Value } from '../../../engine-kit/onnx/graph.js';
import { createSession } from '../../../engine-kit/onnx/runtime.js';
import { trialTensor } from './benchmark.js';
import { beyondWindows, type ConvShapes, pad } from './windows.js';

/**
 * Convolutions in the runtime's own layout on CPU: channels in blocks as wide as a vector register. The operators are
 * internal to the runtime, so they are used only after {@link probeBlockSize} has compared them with the plain ones.
 */
export function blockedConvolution(
  graph: GraphBuilder,
  x: Value,
  weight: Value,
  convolution: BlockedConvolution,
): Value {
  // [O, I, kh, kw] as [I, O, kh, kw].
  const kernel = blockKernel(graph, graph.transpose(weight, [1, 0, 2, 3]), convolution);
  return convolveBlocks(graph, x, kernel, convolution);
}

/** As {@link blockedConvolution}, with kernels [I, O, kh, kw] that are turned by 180 degrees first. */
export function turnedBlockedConvolution(
  graph: GraphBuilder,
  x: Value,
  weight: Value,
  convolution: BlockedConvolution,
): Value {
  return convolveBlocks(graph, x, blockKernel(graph, weight, convolution, true), convolution);
}

interface BlockedConvolution {
  /** Whole blocks, as `outChannels`. */
  readonly inChannels: number;
  readonly outChannels: number;
  readonly attributes: Attributes & { readonly kernel_shape: readonly [number, number] };
  readonly blockSize: number;
}

function convolveBlocks(
  graph: GraphBuilder,
  x: Value,
  kernel: Value,
  { outChannels, attributes }: BlockedConvolution,
): Value {
  const blocks = graph.op('ReorderInput', [x], {}, BLOCKED_DOMAIN);
  const y = graph.op('Conv', [blocks, kernel], attributes, BLOCKED_DOMAIN);
  return graph.op('ReorderOutput', [y], { channels: outChannels }, BLOCKED_DOMAIN);
}

/**
 * The weight gradient as a convolution of its own (stride 1): the batch plays the input channels, and a whole picture is
 * the kernel. Either the output's gradient slides over the padded input, or (`swapped`) the input over the padded
 * gradient, which gives the kernels turned by 180 degrees. Gives [O, C, kh, kw].
 *
 * Borders are written out before: the runtime computes windows that touch implicit padding one at a time, and with
 * results of 3x3 that is most of them.
 */
export function blockedWeightGradient(
  graph: GraphBuilder,
  shapes: ConvShapes,
  x: Value,
  gradient: Value,
  blockSize: number,
  swapped: boolean,
): Value {
  const { batch, inChannels, outChannels, input, output, layer } = shapes;
  const { kernel, padding } = layer.window;
  if (!swapped) {
    const over = { value: x, channels: inChannels, sides: input, borders: padding };
    const result = slide(graph, over, gradient, [batch, outChannels, ...output], blockSize);
    return graph.transpose(result, [1, 0, 2, 3]);
  }
  const rest = beyondWindows(layer.window, input, output);
  const borders = [
    kernel[0] - 1 - padding[0],
    kernel[1] - 1 - padding[1],
    kernel[0] - 1 - padding[2] + rest[0],
    kernel[1] - 1 - padding[3] + rest[1],
  ] as const;
  const over = { value: gradient, channels: outChannels, sides: output, borders };
  const turned = slide(graph, over, x, [batch, inChannels, ...input], blockSize);
  return graph.turn(turned, kernel);
}

/** Pictures [N, channels, ...sides], and the borders of zeros around them; negative ones cut. */
interface Bordered {
  readonly value: Value;
  readonly channels: number;
  readonly sides: readonly [number, number];
  readonly borders: Padding;
}

/**
 * Slides pictures [N, K, h, w] over others [N, M, H, W] with their borders, sums over N, and gives
 * [M, K, H - h + 1, W - w + 1]. N and K are whole blocks.
 */
function slide(
  graph: GraphBuilder,
  over: Bordered,
  pictures: Value,
  [batch, channels, height, width]: readonly [number, number, number, number],
  blockSize: number,
): Value {
  // As blocks of channels, what moves is whole vectors.
  const blocks = graph.reshape(graph.op('ReorderInput', [pictures], {}, BLOCKED_DOMAIN), [
    batch / blockSize,
    blockSize,
    channels / blockSize,
    height * width,
    blockSize,
  ]);
  const kernel = graph.reshape(graph.transpose(blocks, [2, 0, 3, 1, 4]), [channels, batch, height, width]);
  const attributes = { kernel_shape: [height, width], strides: [1, 1], pads: [0, 0, 0, 0] };
  const samples = samplesAsChannels(graph, over, batch, blockSize);
  const result = graph.op('Conv', [samples, kernel], attributes, BLOCKED_DOMAIN);
  return graph.op('ReorderOutput', [result], { channels }, BLOCKED_DOMAIN);
}

/** [N, M, H, W] -> [M, N, H', W'] in blocks of samples, with its borders: a row of blocks is long, and quick to copy. */
function samplesAsChannels(
  graph: GraphBuilder,
  { value, channels, sides: [height, width], borders }: Bordered,
  batch: number,
  blockSize: number,
): Value {
  const blocks = graph.op('ReorderInput', [graph.transpose(value, [1, 0, 2, 3])], {}, BLOCKED_DOMAIN);
  const [top, left, bottom, right] = borders;
  const rows = graph.reshape(blocks, [channels, batch / blockSize, height, width * blockSize]);
  const padded = pad(graph, rows, [top, left * blockSize, bottom, right * blockSize]);
  return graph.reshape(padded, [channels, batch, top + height + bottom, left + width + right]);
}

/**
 * Kernels [I, O, kh, kw], turned or not, in blocks: [O/b, I/b, kh, kw, b(I), b(O)]. Once the outputs are in blocks, what
 * moves is whole vectors.
 */
function blockKernel(
  graph: GraphBuilder,
  weight: Value,
  { inChannels: into, outChannels: out, attributes, blockSize }: BlockedConvolution,
  turned = false,
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
  const inOrder = turned ? graph.slice(vectors, [-1], [-taps - 1], [3], [-1]) : vectors;
  return graph.reshape(graph.transpose(inOrder, [2, 0, 3, 1, 4]), [out, into, height, width]);
}

/**
 * The block size of the runtime's blocked convolution on this processor (16 with AVX-512, 8 with AVX2), found by
 * comparing its result with the plain operator's; 0 where none agrees.
 */
export async function probeBlockSize(): Promise<number> {
  for (const blockSize of [16, 8]) if (await agrees(blockSize)) return blockSize;
  return 0;
}

const PROBE_CHANNELS = 32;
const PROBE_SIDE = 6;

/** Whether a block size gives the plain operator's result. */
async function agrees(blockSize: number): Promise<boolean> {
  const graph = new GraphBuilder();
  const x = graph.input('x', 'float32', [1, PROBE_CHANNELS, PROBE_SIDE, PROBE_SIDE]);
  const weight = graph.input('weight', 'float32', [PROBE_CHANNELS, PROBE_CHANNELS, 3, 3]);
  const attributes = { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1] } as const;
  const results: Value[] = [
    graph.op('Conv', [x, weight], attributes),
    blockedConvolution(graph, x, weight, {
      inChannels: PROBE_CHANNELS,
      outChannels: PROBE_CHANNELS,
      attributes,
      blockSize,
    }),
  ];
  for (const [i, value] of results.entries())
    graph.output(value, `y${i}`, 'float32', [1, PROBE_CHANNELS, PROBE_SIDE, PROBE_SIDE]);
  try {
    const session = await createSession(graph.encode(), { threads: 1 });
    const { y0, y1 } = await session.run({
      x: await trialTensor([1, PROBE_CHANNELS, PROBE_SIDE, PROBE_SIDE], 0.7),
      weight: await trialTensor([PROBE_CHANNELS, PROBE_CHANNELS, 3, 3], 0.3),
    });
    await session.release();
    const [plain, blocked] = [y0!.data as Float32Array, y1!.data as Float32Array];
    return plain.every((value, i) => Math.abs(value - blocked[i]!) < 1e-3);
  } catch {
    // The operators are internal: a runtime without them refuses the graph, and the plain ones are used.
    return false;
  }
}
