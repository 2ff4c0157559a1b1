import type { Tensor } from '@tensorflow/tfjs';
import { sizeOf } from '../../core/plugin/index.js';
import type { FlatLayout } from '../../engine-kit/flat-layout.js';
import type { TensorFlow } from './tensorflow.js';

/** The tensors that lie in a flat vector, by name. */
export function splitFlat(tf: TensorFlow, layout: FlatLayout, flat: Tensor): Map<string, Tensor> {
  const sizes = layout.parameters.map(({ shape }) => sizeOf(shape));
  const parts = tf.split(flat, sizes);
  return new Map(layout.parameters.map(({ name, shape }, i) => [name, tf.reshape(parts[i]!, [...shape])]));
}

/** The inverse; zeros stand for what is not given. */
export function joinFlat(tf: TensorFlow, layout: FlatLayout, values: ReadonlyMap<string, Tensor>): Tensor {
  return tf.concat(
    layout.parameters.map(({ name, shape }) => {
      const value = values.get(name);
      return value ? tf.reshape(value, [-1]) : tf.zeros([sizeOf(shape)]);
    }),
  );
}
