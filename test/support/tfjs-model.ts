/**
 * A second implementation of the layer spec, in TensorFlow.js on its plain JavaScript backend: pictures lie as
 * [N, H, W, C], padding is TensorFlow's own 'same' and 'valid', and the gradients are those of its tape. It shares
 * with roble only the names of the layers and the parameters.
 */
import * as tf from '@tensorflow/tfjs';
import type { Batch, Network, ResolvedLayer, TensorMap } from '../../src/core/plugin/index.js';

type Parameters = Readonly<Record<string, tf.Tensor>>;

interface Mode {
  readonly parameters: Parameters;
  /** Dropout masks of a training step; undefined: evaluation with the running statistics. */
  readonly masks: Readonly<Record<string, Uint8Array>> | undefined;
}

// Keeps its advertisement for a faster backend out of the test report.
tf.env().set('IS_TEST', true);
await tf.setBackend('cpu');

/** Mean cross-entropy of a batch in training mode, and its gradient with respect to each trainable parameter. */
export function tfjsGradients(
  network: Network,
  state: TensorMap,
  batch: Batch,
): { loss: number; gradients: Record<string, Float32Array> } {
  return tf.tidy(() => {
    const names = Object.keys(state).filter((name) => !/\.(mean|variance)$/.test(name));
    const values = names.map((name) => tf.tensor(state[name]!.data, [...state[name]!.shape]));
    const targets = tf.tensor2d(batch.targets, [batch.count, network.classes]);
    const lossOf = (...trainable: tf.Tensor[]): tf.Scalar => {
      const parameters = Object.fromEntries(names.map((name, i) => [name, trainable[i]!]));
      const logits = run(network.layers, pictures(network, batch.images, batch.count), {
        parameters,
        masks: batch.masks,
      });
      return tf.neg(tf.mean(tf.sum(tf.mul(targets, tf.logSoftmax(logits)), 1))).asScalar();
    };
    const { value, grads } = tf.valueAndGrads(lossOf)(values);
    const gradients = Object.fromEntries(
      names.map((name, i) => [name, grads[i]!.dataSync() as Float32Array]),
    );
    return { loss: value.dataSync()[0]!, gradients };
  });
}

/** Probabilities in evaluation mode, [count, classes]. */
export function tfjsProbabilities(
  network: Network,
  state: TensorMap,
  images: Uint8Array,
  count: number,
): Float32Array {
  return tf.tidy(() => {
    const parameters = Object.fromEntries(
      Object.entries(state).map(([name, { data, shape }]) => [name, tf.tensor(data, [...shape])]),
    );
    const logits = run(network.layers, pictures(network, images, count), { parameters, masks: undefined });
    return tf.softmax(logits).dataSync() as Float32Array;
  });
}

function pictures(network: Network, images: Uint8Array, count: number): tf.Tensor {
  const { height, width, channels } = network.input;
  return tf.div(tf.tensor4d(Float32Array.from(images), [count, height, width, channels]), 255);
}

function run(layers: readonly ResolvedLayer[], input: tf.Tensor, mode: Mode): tf.Tensor {
  return layers.reduce((x, layer) => apply(layer, x, mode), input);
}

const both = (side: number | readonly [number, number]): [number, number] =>
  typeof side === 'number' ? [side, side] : [...side];

function apply(resolved: ResolvedLayer, x: tf.Tensor, mode: Mode): tf.Tensor {
  const parameter = (part: string) => mode.parameters[`${resolved.name}.${part}`]!;
  switch (resolved.type) {
    case 'conv': {
      const { stride, padding, bias } = resolved.layer;
      const filters = tf.transpose(parameter('weight'), [2, 3, 1, 0]) as tf.Tensor4D;
      const y = tf.conv2d(x as tf.Tensor4D, filters, both(stride), padding);
      return bias ? tf.add(y, parameter('bias')) : y;
    }
    case 'batchNorm': {
      const axes = x.shape.slice(0, -1).map((_, axis) => axis);
      const { mean, variance } = mode.masks
        ? tf.moments(x, axes)
        : { mean: parameter('mean'), variance: parameter('variance') };
      const deviation = tf.sqrt(tf.add(variance, resolved.layer.epsilon));
      return tf.add(tf.mul(tf.div(tf.sub(x, mean), deviation), parameter('scale')), parameter('bias'));
    }
    case 'relu':
      return tf.relu(x);
    case 'gelu':
      return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.div(x, Math.SQRT2)), 1));
    case 'silu':
      return tf.mul(x, tf.sigmoid(x));
    case 'maxPool': {
      const { size, stride, padding } = resolved.layer;
      return tf.maxPool(x as tf.Tensor4D, both(size), both(stride ?? size), padding);
    }
    case 'averagePool':
      return averagePool(
        x as tf.Tensor4D,
        both(resolved.layer.size),
        both(resolved.layer.stride ?? resolved.layer.size),
        resolved.layer.padding,
      );
    case 'globalAveragePool':
      return tf.mean(x, [1, 2]);
    case 'globalMaxPool':
      return tf.max(x, [1, 2]);
    case 'dropout':
      return mode.masks ? dropout(x, mode.masks[resolved.name]!, resolved.layer.rate) : x;
    case 'flatten':
      return tf.reshape(x.rank === 4 ? tf.transpose(x, [0, 3, 1, 2]) : x, [x.shape[0]!, -1]);
    case 'dense': {
      const y = tf.matMul(x, parameter('weight'));
      return resolved.layer.bias ? tf.add(y, parameter('bias')) : y;
    }
    case 'residual':
      return tf.add(run(resolved.body, x, mode), run(resolved.projection, x, mode));
  }
}

/**
 * Sum over the window divided by the number of pixels in it. tf.avgPool is not used: its gradient on this backend
 * divides by the whole window also where padding lies in it.
 */
function averagePool(
  x: tf.Tensor4D,
  size: [number, number],
  stride: [number, number],
  padding: 'same' | 'valid',
): tf.Tensor {
  const sum = (value: tf.Tensor4D) =>
    tf.depthwiseConv2d(value, tf.ones([...size, x.shape[3], 1]) as tf.Tensor4D, stride, padding);
  return tf.div(sum(x), sum(tf.onesLike(x)));
}

/** The mask of a picture comes in roble's order [N, C, H, W]. */
function dropout(x: tf.Tensor, mask: Uint8Array, rate: number): tf.Tensor {
  const [count, ...rest] = x.shape as [number, ...number[]];
  const values = Float32Array.from(mask);
  if (rest.length === 1) return tf.div(tf.mul(x, tf.tensor(values, x.shape)), 1 - rate);
  const [height, width, channels] = rest as [number, number, number];
  const ordered = tf.transpose(tf.tensor(values, [count, channels, height, width]), [0, 2, 3, 1]);
  return tf.div(tf.mul(x, ordered), 1 - rate);
}
