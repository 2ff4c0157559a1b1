import { type Padding, sizeOf } from '../../../core/plugin/index.js';
import { BLOCKED_DOMAIN, type Value } from '../../../engine-kit/onnx/graph.js';
import type { Layouts } from './layouts.js';
import { beyondWindows, type ConvShapes, pad, windowTaps } from './windows.js';

/** One matrix product of the output's gradient with all shifted copies of the input. */
export function im2colWeightGradient(layouts: Layouts, shapes: ConvShapes, x: Value, gradient: Value): Value {
  const { graph } = layouts;
  const { batch, inChannels, outChannels, output, layer, groups } = shapes;
  if (groups > 1) return groupedWeightGradient(layouts, shapes, x, gradient);
  const { kernel } = layer.window;
  const positions = batch * output[0] * output[1];
  const taps = kernel[0] * kernel[1];
  const stacked = graph.reshape(windowTaps(graph, layouts.plain(x), layer.window, output), [
    batch,
    taps * inChannels,
    output[0] * output[1],
  ]);
  const columns = graph.reshape(graph.transpose(stacked, [1, 0, 2]), [taps * inChannels, positions]);
  const rows = graph.reshape(graph.transpose(layouts.plain(gradient), [1, 0, 2, 3]), [
    outChannels,
    positions,
  ]);
  const product = graph.op('Gemm', [rows, columns], { transB: 1 });
  return graph.transpose(
    graph.reshape(product, [outChannels, kernel[0], kernel[1], inChannels]),
    [0, 3, 1, 2],
  );
}

/** As {@link im2colWeightGradient}, with a matrix product for each group. Gives [O, C / groups, kh, kw]. */
function groupedWeightGradient(layouts: Layouts, shapes: ConvShapes, x: Value, gradient: Value): Value {
  const { graph } = layouts;
  const { batch, inChannels, outChannels, output, layer, groups } = shapes;
  const { kernel } = layer.window;
  const [into, out, taps] = [inChannels / groups, outChannels / groups, kernel[0] * kernel[1]];
  const pixels = output[0] * output[1];
  const stacked = graph.reshape(windowTaps(graph, layouts.plain(x), layer.window, output), [
    batch,
    taps,
    groups,
    into,
    pixels,
  ]);
  const columns = graph.reshape(graph.transpose(stacked, [2, 0, 4, 1, 3]), [
    groups,
    batch * pixels,
    taps * into,
  ]);
  const pictures = graph.reshape(layouts.plain(gradient), [batch, groups, out, pixels]);
  const rows = graph.reshape(graph.transpose(pictures, [1, 2, 0, 3]), [groups, out, batch * pixels]);
  const product = graph.reshape(graph.op('MatMul', [rows, columns]), [outChannels, ...kernel, into]);
  return graph.transpose(product, [0, 3, 1, 2]);
}

/**
 * The weight gradient of a depthwise convolution: each channel of each picture is convolved with its own gradient as the
 * kernel, and the batch summed. Nothing is rearranged but the small result, [C, 1, kh, kw].
 */
export function depthwiseWeightGradient(
  layouts: Layouts,
  shapes: ConvShapes,
  x: Value,
  gradient: Value,
  inBlocks: boolean,
): Value {
  const { graph } = layouts;
  const { batch, inChannels: channels, input, output, layer } = shapes;
  const { kernel, stride, padding } = layer.window;
  const rest = beyondWindows(layer.window, input, output);
  const count = batch * channels;
  // Of what no window reached, padding is left out here, and the rest gives taps too many.
  const [bottom, right] = [0, 1].map((axis) => padding[axis + 2]! - rest[axis]!) as [number, number];
  const sides = [kernel[0] + Math.max(-bottom, 0), kernel[1] + Math.max(-right, 0)] as const;
  const place = (value: Value) => (inBlocks ? layouts.blocked(value, channels) : layouts.plain(value));
  const perPicture = graph.op(
    'Conv',
    [graph.reshape(place(x), [1, count, ...input]), graph.reshape(place(gradient), [count, 1, ...output])],
    {
      kernel_shape: output,
      strides: [1, 1],
      dilations: stride,
      group: count,
      pads: [padding[0], padding[1], Math.max(bottom, 0), Math.max(right, 0)],
    },
    inBlocks ? BLOCKED_DOMAIN : '',
  );
  // In blocks the taps of a channel lie apart: [N, C/b, taps, b].
  const sum = graph.reduceSum(graph.reshape(perPicture, [batch, channels * sizeOf(sides)]), [0]);
  const taps = graph.reshape(sum, [1, channels, ...sides]);
  const plain = inBlocks ? graph.op('ReorderOutput', [taps], { channels }, BLOCKED_DOMAIN) : taps;
  const wanted = bottom < 0 || right < 0 ? graph.slice(plain, [0, 0], kernel, [2, 3]) : plain;
  return graph.reshape(wanted, [channels, 1, ...kernel]);
}

/**
 * The weight gradient as a convolution in blocks: the samples play the input channels, the output's gradient is the
 * kernel, and a block of channels lies beside each other in the rows of the picture, with the kernel's columns so far
 * apart: [C/b, N, H, W * b] by [O, N, H', W'] -> [C/b, O, kh, kw * b]. So a vector of the kernel serves several results
 * at once, and what has to be rearranged before moves in long pieces.
 *
 * Batch and output channels are whole blocks, the input channels too or fewer than a block. Gives [O, C, kh, kw].
 */
export function wideWeightGradient(layouts: Layouts, shapes: ConvShapes, x: Value, gradient: Value): Value {
  const { graph, blockSize } = layouts;
  const { batch, inChannels, outChannels, input, output, layer } = shapes;
  const { kernel, stride, padding } = layer.window;
  const group = layouts.fits(inChannels) ? blockSize : inChannels;
  const groups = inChannels / group;
  const [top, left, bottom, right] = padding;
  // Rows and columns that no window reached are cut.
  const rest = beyondWindows(layer.window, input, output);
  const borders = [top, left, bottom - rest[0], right - rest[1]] as const;
  /** Values of a pixel: as long as they are, the pieces of a row are copied in one go. */
  const piece = group * blockSize;
  const pixels = graph.reshape(samplesInside(layouts, shapes, x, group), [
    groups,
    batch / blockSize,
    input[0],
    input[1] * piece,
  ]);
  const padded = pad(graph, pixels, [borders[0], borders[1] * piece, borders[2], borders[3] * piece]);
  const pictures = graph.reshape(padded, [
    groups,
    batch,
    borders[0] + input[0] + borders[2],
    (borders[1] + input[1] + borders[3]) * group,
  ]);
  const attributes = {
    kernel_shape: output,
    strides: [1, 1],
    pads: [0, 0, 0, 0],
    dilations: [stride[0], stride[1] * group],
  };
  const kernels = samplesAsInputs(layouts, gradient, [batch, outChannels, ...output]);
  const blocks = graph.op('Conv', [pictures, kernels], attributes, BLOCKED_DOMAIN);
  // [C/g, O/b, taps, g(C), b(O)]: whole vectors first, and then each block of outputs by itself.
  const taps = kernel[0] * kernel[1];
  const vectors = graph.transpose(
    graph.reshape(blocks, [groups, outChannels / blockSize, taps, group, blockSize]),
    [1, 0, 3, 2, 4],
  );
  const rows = graph.reshape(vectors, [outChannels / blockSize, blockSize, 1, inChannels * taps]);
  const result = graph.op('ReorderOutput', [rows], { channels: blockSize }, BLOCKED_DOMAIN);
  return graph.reshape(result, [outChannels, inChannels, ...kernel]);
}

/** [N, C, H, W] -> [C/g, N/b, H, W, g(C), b(N)], from blocks of channels where g is one. */
function samplesInside(
  layouts: Layouts,
  { batch, inChannels, input }: ConvShapes,
  x: Value,
  group: number,
): Value {
  const { graph, blockSize } = layouts;
  const pixels = input[0] * input[1];
  // [N, C/g, H, W, g(C)]
  const pictures = layouts.fits(inChannels)
    ? layouts.blocked(x, inChannels)
    : graph.transpose(layouts.plain(x), [0, 2, 3, 1]);
  const samples = graph.op(
    'ReorderInput',
    [graph.reshape(pictures, [batch / blockSize, blockSize, 1, inChannels * pixels])],
    {},
    BLOCKED_DOMAIN,
  );
  const groups = inChannels / group;
  if (groups === 1) return samples;
  const pieces = [batch / blockSize, groups, pixels * group * blockSize];
  return graph.transpose(graph.reshape(samples, pieces), [1, 0, 2]);
}

/** Pictures [N, K, h, w] as the kernels of N inputs: [K/b, N/b, h, w, b(N), b(K)] in memory. */
function samplesAsInputs(
  layouts: Layouts,
  pictures: Value,
  [batch, channels, height, width]: readonly [number, number, number, number],
): Value {
  const { graph, blockSize } = layouts;
  // As blocks of channels, what moves is whole vectors.
  const blocks = graph.reshape(layouts.blocked(pictures, channels), [
    batch / blockSize,
    blockSize,
    channels / blockSize,
    height * width,
    blockSize,
  ]);
  return graph.reshape(graph.transpose(blocks, [2, 0, 3, 1, 4]), [channels, batch, height, width]);
}

/**
 * The weight gradient as a convolution in which the batch plays the input channels too, but each channel is a picture of
 * its own (stride 1). Either the output's gradient slides over the padded input, or (`swapped`) the input over the padded
 * gradient, which gives the kernels turned by 180 degrees. Gives [O, C, kh, kw].
 *
 * Borders are written out before: the runtime computes windows that touch implicit padding one at a time, and with
 * results of 3x3 that is most of them.
 */
export function blockedWeightGradient(
  layouts: Layouts,
  shapes: ConvShapes,
  x: Value,
  gradient: Value,
  swapped: boolean,
): Value {
  const { graph } = layouts;
  const { batch, inChannels, outChannels, input, output, layer } = shapes;
  const { kernel, padding } = layer.window;
  if (!swapped) {
    const over = { value: x, channels: inChannels, sides: input, borders: padding };
    const result = slide(layouts, over, gradient, [batch, outChannels, ...output]);
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
  const turned = slide(layouts, over, x, [batch, inChannels, ...input]);
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
  layouts: Layouts,
  over: Bordered,
  pictures: Value,
  shape: readonly [number, number, number, number],
): Value {
  const { graph } = layouts;
  const [batch, channels, height, width] = shape;
  const kernels = samplesAsInputs(layouts, pictures, shape);
  const attributes = { kernel_shape: [height, width], strides: [1, 1], pads: [0, 0, 0, 0] };
  const samples = samplesAsChannels(layouts, over, batch);
  const result = graph.op('Conv', [samples, kernels], attributes, BLOCKED_DOMAIN);
  return graph.op('ReorderOutput', [result], { channels }, BLOCKED_DOMAIN);
}

/** [N, M, H, W] -> [M, N, H', W'] in blocks of samples, with its borders: a row of blocks is long, and quick to copy. */
function samplesAsChannels(
  layouts: Layouts,
  { value, channels, sides: [height, width], borders }: Bordered,
  batch: number,
): Value {
  const { graph, blockSize } = layouts;
  const turned = graph.transpose(layouts.plain(value), [1, 0, 2, 3]);
  const blocks = graph.op('ReorderInput', [turned], {}, BLOCKED_DOMAIN);
  const [top, left, bottom, right] = borders;
  const rows = graph.reshape(blocks, [channels, batch / blockSize, height, width * blockSize]);
  const padded = pad(graph, rows, [top, left * blockSize, bottom, right * blockSize]);
  return graph.reshape(padded, [channels, batch, top + height + bottom, left + width + right]);
}
