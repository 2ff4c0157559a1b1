import type { Tensor } from '@tensorflow/tfjs';
import type { Network } from '../../core/plugin/index.js';
import { scaledImages } from './batch-gradient.js';
import { applyLayers } from './layers.js';
import type { TensorFlow } from './tensorflow.js';

/**
 * Probabilities in evaluation mode, float32, [count, classes], of uint8 images [count, height, width, channels].
 *
 * @param parametersOf called within a tidy: what it makes is freed
 */
export async function evaluate(
  tf: TensorFlow,
  network: Network,
  parametersOf: () => ReadonlyMap<string, Tensor>,
  images: Uint8Array,
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
