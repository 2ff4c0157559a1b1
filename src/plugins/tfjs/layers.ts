import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import type {
  InputValues,
  Network,
  ResolvedBatchNorm,
  ResolvedConv,
  ResolvedDropout,
  ResolvedLayer,
  ResolvedPool,
  Window,
} from '../../core/plugin/index.js';
import type { TensorFlow } from './tensorflow.js';

/** What a training step adds to the forward pass. */
export interface TrainingPass {
  /** A norm that is not trained computes with its running statistics, as in evaluation. */
  readonly isFrozen: (layer: string) => boolean;
  /** Of a dropout layer, float32: 1 keeps a value, 0 drops it; in roble's order, [N, C, H, W] or [N, units]. */
  readonly mask: (layer: ResolvedDropout) => Tensor;
  /** Takes a mean or an unbiased variance of the batch, by the name of the running statistic. */
  readonly observe: (statistic: string, value: Tensor) => void;
}

export interface LayerScope {
  readonly tf: TensorFlow;
  /** The value of each parameter and running statistic. */
  readonly parameters: ReadonlyMap<string, Tensor>;
  /** Undefined: evaluation. */
  readonly training: TrainingPass | undefined;
}

/**
 * The forward pass through a sequence of layers. Pictures are [N, H, W, C] here, the only order that TensorFlow's CPU
 * kernels know; gradients are those of its tape.
 */
export function applyLayers(scope: LayerScope, layers: readonly ResolvedLayer[], input: Tensor): Tensor {
  return layers.reduce((x, layer) => applyLayer(scope, layer, x), input);
}

/**
 * Probabilities in evaluation mode, float32, [count, classes], of images [count, height, width, channels].
 *
 * @param parametersOf called within a tidy, which frees the tensors that it makes
 */
export async function evaluate(
  tf: TensorFlow,
  network: Network,
  parametersOf: () => ReadonlyMap<string, Tensor>,
  images: InputValues,
  count: number,
): Promise<Float32Array> {
  const probabilities = tf.tidy(() => {
    const scope = { tf, parameters: parametersOf(), training: undefined };
    return tf.softmax(applyLayers(scope, network.layers, scaledImages(tf, network, images, count)));
  });
  try {
    return (await probabilities.data()) as Float32Array;
  } finally {
    probabilities.dispose();
  }
}

/** [count, H, W, C] as float32: pictures in 0..255 are scaled to 0..1, features are not. */
export function scaledImages(
  tf: TensorFlow,
  { input, inputType }: Network,
  images: InputValues,
  count: number,
): Tensor {
  const { height, width, channels } = input;
  if (inputType === 'float32')
    return height * width === 1
      ? tf.tensor2d(images, [count, channels], 'float32')
      : tf.tensor4d(images, [count, height, width, channels], 'float32');
  const pixels = tf.tensor4d(images, [count, height, width, channels], 'int32');
  return tf.mul(tf.cast(pixels, 'float32'), 1 / 255);
}

function applyLayer(scope: LayerScope, layer: ResolvedLayer, x: Tensor): Tensor {
  const { tf } = scope;
  switch (layer.type) {
    case 'conv':
      return convolution(scope, layer, x as Tensor4D);
    case 'batchNorm':
      return batchNorm(scope, layer, x);
    case 'relu':
      return tf.relu(x);
    case 'gelu':
      return tf.mul(x, tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5));
    case 'silu':
      return tf.mul(x, tf.sigmoid(x));
    case 'relu6':
      return tf.clipByValue(x, 0, 6);
    case 'hardSigmoid':
      return hardSigmoid(tf, x);
    case 'hardSwish':
      return tf.mul(x, hardSigmoid(tf, x));
    case 'sigmoid':
      return tf.sigmoid(x);
    case 'maxPool': {
      // Of equal maxima one gets the gradient here, where the engine `onnx` shares it: both are subgradients.
      const { kernel, stride } = layer.window;
      const [padded, padding] = bordered(scope, layer, x as Tensor4D, LOWEST);
      return tf.maxPool(padded, [...kernel], [...stride], padding);
    }
    case 'averagePool':
      return averagePool(scope, layer, x as Tensor4D);
    case 'globalAveragePool':
      return tf.mean(x, [1, 2]);
    case 'globalMaxPool':
      return globalMaximum(scope, x);
    case 'dropout':
      return dropout(scope, layer, x);
    case 'flatten':
      return tf.reshape(x.rank === 4 ? tf.transpose(x, [0, 3, 1, 2]) : x, [x.shape[0]!, -1]);
    case 'dense': {
      const product = tf.matMul(x, parameterOf(scope, layer.name, 'weight'));
      return layer.layer.bias ? tf.add(product, parameterOf(scope, layer.name, 'bias')) : product;
    }
    case 'squeezeExcite': {
      const factors = applyLayers(scope, layer.body, x);
      return tf.mul(x, tf.reshape(factors, [-1, 1, 1, layer.input[0]]));
    }
    case 'residual':
      return tf.add(applyLayers(scope, layer.body, x), applyLayers(scope, layer.projection, x));
  }
}

function parameterOf({ parameters }: LayerScope, layer: string, part: string): Tensor {
  return parameters.get(`${layer}.${part}`)!;
}

function convolution(scope: LayerScope, layer: ResolvedConv, x: Tensor4D): Tensor {
  const { tf } = scope;
  const weight = parameterOf(scope, layer.name, 'weight') as Tensor4D;
  const [pictures, padding] = bordered(scope, layer, x, 0);
  const product = convolve(tf, layer, pictures, weight, padding);
  return layer.layer.bias ? tf.add(product, parameterOf(scope, layer.name, 'bias')) : product;
}

/** pictures [N, H, W, C], weight [O, C / groups, kh, kw] -> [N, H', W', O]. */
function convolve(
  tf: TensorFlow,
  { groups, window, input, output }: ResolvedConv,
  pictures: Tensor4D,
  weight: Tensor4D,
  padding: 'same' | 'valid',
): Tensor {
  const stride: [number, number] = [...window.stride];
  // TensorFlow's kernels know one stride for both sides there.
  const isDepthwise = groups === input[0] && groups === output[0] && stride[0] === stride[1];
  if (groups > 1 && isDepthwise)
    return tf.depthwiseConv2d(pictures, tf.transpose(weight, [2, 3, 0, 1]) as Tensor4D, stride, padding);
  const filters = tf.transpose(weight, [2, 3, 1, 0]);
  if (groups === 1) return tf.conv2d(pictures, filters, stride, padding);
  // TensorFlow.js has no gradient of a convolution in groups: each is one by itself.
  const [parts, kernels] = [pictures, filters].map((value) => tf.split(value as Tensor4D, groups, 3)) as [
    Tensor4D[],
    Tensor4D[],
  ];
  return tf.concat(
    parts.map((part, i) => tf.conv2d(part, kernels[i]!, stride, padding)),
    3,
  );
}

/** The lowest finite float32: below every value that a window may hold. */
const LOWEST = -3.4028234663852886e38;

/** Pictures, and how to pad them further: paddings that TensorFlow.js has no word for are put around them, of `outside`. */
function bordered(
  { tf }: LayerScope,
  { layer, window }: ResolvedConv | ResolvedPool,
  x: Tensor4D,
  outside: number,
): [Tensor4D, 'same' | 'valid'] {
  if (typeof layer.padding === 'string') return [x, layer.padding];
  return [padded(tf, x, window, outside), 'valid'];
}

function padded(tf: TensorFlow, x: Tensor4D, { padding }: Window, outside = 0): Tensor4D {
  const [top, left, bottom, right] = padding;
  return tf.pad(
    x,
    [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ],
    outside,
  );
}

function hardSigmoid(tf: TensorFlow, x: Tensor): Tensor {
  return tf.clipByValue(tf.add(tf.div(x, 6), 0.5), 0, 1);
}

/** Ioffe and Szegedy 2015, over the batch and the pixels; the running variance is the unbiased one. */
function batchNorm(scope: LayerScope, layer: ResolvedBatchNorm, x: Tensor): Tensor {
  const { tf, training } = scope;
  const [scale, bias] = ['scale', 'bias'].map((part) => parameterOf(scope, layer.name, part)) as [
    Tensor,
    Tensor,
  ];
  const normalize = (mean: Tensor, variance: Tensor) => {
    const factor = tf.mul(scale, tf.rsqrt(tf.add(variance, layer.layer.epsilon)));
    return tf.add(tf.mul(tf.sub(x, mean), factor), bias);
  };
  if (!training || training.isFrozen(layer.name))
    return normalize(parameterOf(scope, layer.name, 'mean'), parameterOf(scope, layer.name, 'variance'));
  const axes = x.shape.slice(0, -1).map((_, axis) => axis);
  const count = x.size / x.shape.at(-1)!;
  const { mean, variance } = tf.moments(x, axes);
  training.observe(`${layer.name}.mean`, mean);
  training.observe(`${layer.name}.variance`, tf.mul(variance, count / Math.max(count - 1, 1)));
  return normalize(mean, variance);
}

/**
 * Padding counts in an average where the layer says so. It is added outside of the pooling, whose gradient in plain JavaScript counts
 * it; the average of ones is the share of a window that lies on the picture.
 */
function averagePool({ tf }: LayerScope, { layer, window }: ResolvedPool, x: Tensor4D): Tensor {
  const pooled = (value: Tensor4D) =>
    tf.avgPool(padded(tf, value, window), [...window.kernel], [...window.stride], 'valid');
  if (layer.countPadding || window.padding.every((side) => side === 0)) return pooled(x);
  const [, height, width] = x.shape;
  return tf.div(pooled(x), pooled(tf.ones([1, height, width, 1])));
}

/** Equal maxima share the gradient; TensorFlow.js would give all of it to each. */
function globalMaximum({ tf }: LayerScope, x: Tensor): Tensor {
  const maximum = tf.customGrad((input, save) => {
    const picture = input as Tensor;
    const value = tf.max(picture, [1, 2], true);
    (save as (tensors: Tensor[]) => void)([picture, value]);
    return {
      value,
      gradFunc(gradient: Tensor, saved: Tensor[]) {
        const isMaximum = tf.cast(tf.equal(saved[0]!, saved[1]!), 'float32');
        return tf.mul(isMaximum, tf.div(gradient, tf.sum(isMaximum, [1, 2], true)));
      },
    };
  });
  return tf.squeeze(maximum(x), [1, 2]);
}

function dropout({ tf, training }: LayerScope, layer: ResolvedDropout, x: Tensor): Tensor {
  const { rate } = layer.layer;
  if (!training || rate === 0) return x;
  const mask = training.mask(layer);
  const ordered = mask.rank === 4 ? tf.transpose(mask, [0, 2, 3, 1]) : mask;
  return tf.mul(x, tf.mul(ordered, 1 / (1 - rate)));
}
