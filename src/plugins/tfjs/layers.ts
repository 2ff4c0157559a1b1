import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import type {
  InputValues,
  Network,
  ResolvedBatchNorm,
  ResolvedConv,
  ResolvedDropout,
  ResolvedLayer,
  ResolvedPool,
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
    case 'maxPool': {
      // Of equal maxima one gets the gradient here, where the engine `onnx` shares it: both are subgradients.
      const { kernel, stride } = layer.window;
      return tf.maxPool(x as Tensor4D, [...kernel], [...stride], layer.layer.padding);
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
    case 'residual':
      return tf.add(applyLayers(scope, layer.body, x), applyLayers(scope, layer.projection, x));
  }
}

function parameterOf({ parameters }: LayerScope, layer: string, part: string): Tensor {
  return parameters.get(`${layer}.${part}`)!;
}

function convolution(scope: LayerScope, layer: ResolvedConv, x: Tensor4D): Tensor {
  const { tf } = scope;
  const filters = tf.transpose(parameterOf(scope, layer.name, 'weight') as Tensor4D, [2, 3, 1, 0]);
  const product = tf.conv2d(x, filters, [...layer.window.stride], layer.layer.padding);
  return layer.layer.bias ? tf.add(product, parameterOf(scope, layer.name, 'bias')) : product;
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
 * Padding does not count in an average. It is added outside of the pooling, whose gradient in plain JavaScript counts
 * it; the average of ones is the share of a window that lies on the picture.
 */
function averagePool({ tf }: LayerScope, { window }: ResolvedPool, x: Tensor4D): Tensor {
  const [top, left, bottom, right] = window.padding;
  const pooled = (value: Tensor4D) =>
    tf.avgPool(
      tf.pad(value, [
        [0, 0],
        [top, bottom],
        [left, right],
        [0, 0],
      ]),
      [...window.kernel],
      [...window.stride],
      'valid',
    );
  if (window.padding.every((side) => side === 0)) return pooled(x);
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
