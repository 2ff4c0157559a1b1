import type { ResolvedPool } from '../../../core/plugin/index.js';
import type { GraphBuilder, Value } from '../../../engine-kit/onnx/graph.js';
import type { Differentiable } from '../../../engine-kit/onnx/operators.js';
import { beyondWindows, pad, windowTaps } from './windows.js';

/** The lowest finite float32: below every value that a window may hold. */
const LOWEST = -3.4028234663852886e38;

interface PoolingShapes {
  readonly batch: number;
  readonly channels: number;
  readonly input: readonly [number, number];
  readonly output: readonly [number, number];
  readonly layer: ResolvedPool;
}

/**
 * Max and average pooling. Where several values of a window are its maximum they share the gradient equally: it is
 * counted once, and the result does not depend on an order. Padding is never a maximum, and counts in an average only where
 * the layer says so.
 */
export function poolingLayer(
  graph: GraphBuilder,
  batch: number,
  layer: ResolvedPool,
  x: Value,
): Differentiable {
  const [channels, height, width] = layer.input as readonly [number, number, number];
  const [, outHeight, outWidth] = layer.output as readonly [number, number, number];
  const shapes: PoolingShapes = {
    batch,
    channels,
    input: [height, width],
    output: [outHeight, outWidth],
    layer,
  };
  const { kernel, stride, padding } = layer.window;
  const attributes = { kernel_shape: kernel, strides: stride, pads: padding };
  const inTiles = tiles(layer);
  if (layer.type === 'averagePool') {
    const count_include_pad = layer.layer.countPadding ? 1 : 0;
    const output = graph.op('AveragePool', [x], { ...attributes, count_include_pad });
    return {
      output,
      backward: (gradient) => (inTiles ? tiledAverage : overlappingAverage)(graph, shapes, gradient),
    };
  }
  const output = graph.op('MaxPool', [x], attributes);
  return {
    output,
    backward: (gradient) => (inTiles ? tiledMaximum : overlappingMaximum)(graph, shapes, x, output, gradient),
  };
}

/** Whether windows lie side by side. */
export function tiles({ window: { kernel, stride, padding } }: ResolvedPool): boolean {
  return kernel.every((side, axis) => side === stride[axis]) && padding.every((side) => side === 0);
}

/** Repeats each value over its window of a tiling, and pads with zeros what no window covered. */
function spread(graph: GraphBuilder, { input, output, layer }: PoolingShapes, value: Value): Value {
  const { kernel } = layer.window;
  const covered = [output[0] * kernel[0], output[1] * kernel[1]] as const;
  const scales = graph.tensor(`scales:${kernel.join()}`, [4], () => Float32Array.of(1, 1, ...kernel));
  const tall = graph.op('Resize', [value, '', scales], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  });
  return pad(graph, tall, [0, 0, input[0] - covered[0], input[1] - covered[1]]);
}

function tiledAverage(graph: GraphBuilder, shapes: PoolingShapes, gradient: Value): Value {
  const [height, width] = shapes.layer.window.kernel;
  return spread(graph, shapes, graph.op('Mul', [gradient, graph.float(1 / (height * width))]));
}

function tiledMaximum(
  graph: GraphBuilder,
  shapes: PoolingShapes,
  x: Value,
  maximum: Value,
  gradient: Value,
): Value {
  const { kernel, stride } = shapes.layer.window;
  const isMaximum = graph.op('Cast', [graph.op('Equal', [x, spread(graph, shapes, maximum)])], { to: 1 });
  // The mean of the marks is the number of ties over the size of the window.
  const tieShare = graph.op('AveragePool', [isMaximum], { kernel_shape: kernel, strides: stride });
  const share = graph.op('Div', [
    graph.op('Mul', [gradient, graph.float(1 / (kernel[0] * kernel[1]))]),
    tieShare,
  ]);
  return graph.op('Mul', [isMaximum, spread(graph, shapes, share)]);
}

function overlappingAverage(graph: GraphBuilder, shapes: PoolingShapes, gradient: Value): Value {
  const { batch, channels, output } = shapes;
  const [taps, ones] = [sizeOfKernel(shapes), validTaps(shapes)];
  const counts = new Float32Array(output[0] * output[1]);
  if (shapes.layer.layer.countPadding) counts.fill(taps);
  else
    for (let tap = 0; tap < taps; tap++)
      for (let i = 0; i < counts.length; i++) counts[i]! += ones[tap * counts.length + i]!;
  const weights = ones.map((one, i) => one / counts[i % counts.length]!);
  const key = `average:${shapes.layer.name}`;
  const factor = graph.tensor(key, [1, taps, output[0], output[1]], () => weights);
  const flat = graph.reshape(gradient, [batch * channels, 1, output[0], output[1]]);
  return collect(graph, shapes, graph.op('Mul', [flat, factor]));
}

function overlappingMaximum(
  graph: GraphBuilder,
  shapes: PoolingShapes,
  x: Value,
  maximum: Value,
  gradient: Value,
): Value {
  const { batch, channels, input, output, layer } = shapes;
  const flat = graph.reshape(x, [batch * channels, 1, ...input]);
  const windows = windowTaps(graph, flat, layer.window, output, LOWEST);
  const single = [batch * channels, 1, ...output];
  const isMaximum = graph.op('Cast', [graph.op('Equal', [windows, graph.reshape(maximum, single)])], {
    to: 1,
  });
  const ties = graph.op('ReduceSum', [isMaximum, graph.ints([1])], { keepdims: 1 });
  const share = graph.op('Div', [graph.reshape(gradient, single), ties]);
  return collect(graph, shapes, graph.op('Mul', [isMaximum, share]));
}

const sizeOfKernel = ({ layer }: PoolingShapes): number => layer.window.kernel[0] * layer.window.kernel[1];

/** 1 where a tap of a window lies on the picture, 0 where it lies on the padding; [taps, H', W']. */
function validTaps({ input, output, layer }: PoolingShapes): Float32Array {
  const { kernel, stride, padding } = layer.window;
  const valid = new Float32Array(kernel[0] * kernel[1] * output[0] * output[1]);
  let i = 0;
  for (let row = 0; row < kernel[0]; row++)
    for (let column = 0; column < kernel[1]; column++)
      for (let y = 0; y < output[0]; y++)
        for (let x = 0; x < output[1]; x++, i++) {
          const [top, left] = [y * stride[0] + row - padding[0], x * stride[1] + column - padding[1]];
          valid[i] = top >= 0 && top < input[0] && left >= 0 && left < input[1] ? 1 : 0;
        }
  return valid;
}

/**
 * Adds what each tap of each window gives to its pixel: [N*C, taps, H', W'] -> [N, C, H, W]. A transposed convolution
 * whose kernels are one at their own tap.
 */
function collect(
  graph: GraphBuilder,
  { batch, channels, input, output, layer }: PoolingShapes,
  contributions: Value,
): Value {
  const { kernel, stride, padding } = layer.window;
  const taps = kernel[0] * kernel[1];
  const identity = graph.tensor(`taps:${kernel.join()}`, [taps, 1, ...kernel], () => {
    const data = new Float32Array(taps * taps);
    for (let tap = 0; tap < taps; tap++) data[tap * taps + tap] = 1;
    return data;
  });
  // What no window reached is padding first, which falls away, and then rows of zeros; output_padding must stay below the
  // stride, so Pad adds them.
  const rest = beyondWindows(layer.window, input, output);
  const [bottom, right] = [0, 1].map((axis) => padding[axis + 2]! - rest[axis]!) as [number, number];
  const pads = [padding[0], padding[1], Math.max(bottom, 0), Math.max(right, 0)];
  const attributes = { kernel_shape: kernel, strides: stride, pads };
  const summed = graph.op('ConvTranspose', [contributions, identity], attributes);
  const whole = pad(graph, summed, [0, 0, Math.max(-bottom, 0), Math.max(-right, 0)]);
  return graph.reshape(whole, [batch, channels, ...input]);
}
