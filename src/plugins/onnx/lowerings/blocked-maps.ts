import { type Attributes, BLOCKED_DOMAIN, type Value } from '../../../engine-kit/onnx/graph.js';
import type { Layouts } from './layouts.js';

/*
 * What lies between convolutions, on pictures [N, C, H, W] in blocks, in one pass over memory each: the runtime's
 * convolution of each channel for itself is an affine map of it, with an addition and an activation after it, and where
 * a picture is the kernel of another one it is their product, summed.
 */

/** A picture, by its name and shape. */
export interface Blocks {
  readonly value: Value;
  readonly shape: readonly [batch: number, channels: number, height: number, width: number];
}

interface Affine {
  /** [C] */
  readonly scale: Value;
  readonly offset?: Value;
  /** Added before the offset; of the shape of the pictures. */
  readonly sum?: Value;
  readonly activation?: 'Relu' | Clip;
}

interface Clip {
  readonly min: number;
  readonly max: number;
}

/** What ReLU6 does. */
export const SIX: Clip = { min: 0, max: 6 };

/** scale * x + sum + offset, of each channel, and then the activation. */
export function affine(
  { graph }: Layouts,
  { value, shape: [, channels] }: Blocks,
  { scale, offset = '', sum, activation }: Affine,
): Value {
  const weight = graph.reshape(scale, [channels, 1, 1, 1]);
  const attributes: Attributes = { kernel_shape: [1, 1], group: channels, ...activationOf(activation) };
  return graph.op(
    'Conv',
    [value, weight, ...(sum ? [offset, sum] : offset ? [offset] : [])],
    attributes,
    BLOCKED_DOMAIN,
  );
}

function activationOf(activation: 'Relu' | Clip | undefined): Attributes {
  if (activation === undefined) return {};
  if (activation === 'Relu') return { activation };
  return { activation: 'Clip', activation_params: [activation.min, activation.max] };
}

/** Of each picture's channel its mean over the pixels: [N, C]. */
export function pixelMeans({ graph }: Layouts, { value, shape: [batch, channels] }: Blocks): Value {
  const means = graph.op('GlobalAveragePool', [value], {}, BLOCKED_DOMAIN);
  return graph.reshape(means, [batch, channels]);
}

/** The sum of each channel over batch and pixels: [C]. */
export function channelSums(layouts: Layouts, x: Blocks): Value {
  const { graph } = layouts;
  const [, , height, width] = x.shape;
  return graph.op('Mul', [graph.reduceSum(pixelMeans(layouts, x), [0]), graph.float(height * width)]);
}

/** The sum of the products of two pictures' values in each channel, over batch and pixels: [C]. */
export function channelProducts(layouts: Layouts, a: Blocks, b: Value): Value {
  return layouts.graph.reduceSum(pictureProducts(layouts, a, b), [0]);
}

/** The sum of the products of two pictures' values in each channel of each picture, over the pixels: [N, C]. */
export function pictureProducts({ graph }: Layouts, a: Blocks, b: Value): Value {
  const [batch, channels, height, width] = a.shape;
  const count = batch * channels;
  const products = graph.op(
    'Conv',
    [graph.reshape(a.value, [1, count, height, width]), graph.reshape(b, [count, 1, height, width])],
    { kernel_shape: [height, width], group: count },
    BLOCKED_DOMAIN,
  );
  return graph.reshape(products, [batch, channels]);
}

/** scale * x + offset, both [N, C], of each channel of each picture. */
export function ofEachPicture(
  layouts: Layouts,
  { value, shape }: Blocks,
  scale: Value,
  offset?: Value,
): Value {
  const { graph } = layouts;
  const [batch, channels, height, width] = shape;
  const one = [1, batch * channels, height, width] as const;
  const result = affine(
    layouts,
    { value: graph.reshape(value, one), shape: one },
    { scale, ...(offset && { offset: graph.reshape(offset, [batch * channels]) }) },
  );
  return graph.reshape(result, shape);
}

/** Times this, every positive number that is not subnormal is at least one. */
const LIFT = 2 ** 126;

/** 1 where a value is positive, 0 elsewhere. */
export function positiveMarks(layouts: Layouts, x: Blocks): Value {
  return affine(layouts, x, { scale: filled(layouts, x, LIFT), activation: { min: 0, max: 1 } });
}

/** min(max(x, least), most). */
export function clip(layouts: Layouts, x: Blocks, activation: Clip): Value {
  return affine(layouts, x, { scale: filled(layouts, x, 1), activation });
}

/** Times this, two numbers next to each other below 6 differ by one. */
const SIX_SPREAD = 2 ** 21;

/**
 * 1 where a value of 0 to 6 is neither, 0 elsewhere, in two passes: SIX_SPREAD * (6 - x), less all of it at 0. Below 2^-102
 * a value counts as 0.
 */
export function insideMarks(layouts: Layouts, x: Blocks): Value {
  const most = 8 * SIX_SPREAD;
  const lifted = affine(layouts, x, { scale: filled(layouts, x, LIFT), activation: { min: 0, max: most } });
  return affine(layouts, x, {
    scale: filled(layouts, x, -SIX_SPREAD),
    sum: lifted,
    offset: filled(layouts, x, 6 * SIX_SPREAD - most),
    activation: { min: 0, max: 1 },
  });
}

/** A constant for each channel. */
function filled({ graph }: Layouts, { shape: [, channels] }: Blocks, value: number): Value {
  return graph.tensor(`filled:${value}:${channels}`, [channels], () =>
    new Float32Array(channels).fill(value),
  );
}

/** Times this, two numbers that differ, and are above 2^-40, differ by at least one; the product itself is exact. */
const SPREAD = 2 ** 64;

/** Windows that tile pictures, but for the last rows and columns where the sides are no multiples of theirs. */
export interface Tiling {
  readonly kernel: readonly [height: number, width: number];
  readonly output: readonly [height: number, width: number];
}

/** The maximum of each window. */
export function tileMaxima({ graph }: Layouts, { value }: Blocks, { kernel }: Tiling): Value {
  return graph.op('MaxPool', [value], { kernel_shape: kernel, strides: kernel }, BLOCKED_DOMAIN);
}

/**
 * The gradient of x from that of its windows' maxima. Where several values of a window are its maximum they share it
 * equally; `positive`: only positive maxima have one, since x is what a ReLU gave.
 */
export function tileMaximaGradient(
  layouts: Layouts,
  x: Blocks,
  maxima: Value,
  gradient: Value,
  tiling: Tiling,
  positive: boolean,
): Value {
  const { graph } = layouts;
  const { kernel, output } = tiling;
  const [batch, channels] = x.shape;
  // SPREAD * (x - maximum) + 1 is 1 at a maximum and below 0 elsewhere; what no window covers gets no gradient below.
  const lowered = graph.op('Mul', [maxima, graph.float(-SPREAD)]);
  const marks = affine(layouts, x, {
    scale: filled(layouts, x, SPREAD),
    sum: overTiles(layouts, x, lowered, tiling),
    offset: filled(layouts, x, 1),
    activation: { min: 0, max: 1 },
  });
  // The mean of the marks is the number of ties over the size of the window.
  const pooling = { kernel_shape: kernel, strides: kernel, count_include_pad: 0 };
  const ties = graph.op('AveragePool', [marks], pooling, BLOCKED_DOMAIN);
  const small: Blocks = { value: maxima, shape: [batch, channels, ...output] };
  const wanted = positive ? graph.op('Mul', [gradient, positiveMarks(layouts, small)]) : gradient;
  const share = graph.op('Div', [graph.op('Mul', [wanted, graph.float(1 / (kernel[0] * kernel[1]))]), ties]);
  return graph.op('Mul', [marks, overTiles(layouts, x, share, tiling)]);
}

/** Repeats each value over its window; zero where no window is. */
function overTiles(
  { graph, blockSize }: Layouts,
  { shape: [batch, channels, height, width] }: Blocks,
  value: Value,
  { kernel, output }: Tiling,
): Value {
  const spread = graph.op('Upsample', [value], { scales: [1, 1, ...kernel] }, BLOCKED_DOMAIN);
  const covered = [output[0] * kernel[0], output[1] * kernel[1]] as const;
  if (covered[0] === height && covered[1] === width) return spread;
  const rows = [(batch * channels) / blockSize, covered[0], covered[1] * blockSize];
  const borders = graph.ints([0, 0, 0, 0, height - covered[0], (width - covered[1]) * blockSize]);
  const padded = graph.op('Pad', [graph.reshape(spread, rows), borders]);
  return graph.reshape(padded, [batch, channels, height, width]);
}
