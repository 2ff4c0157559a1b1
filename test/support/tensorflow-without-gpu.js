/**
 * What `@tensorflow/tfjs-node-gpu` is on a machine whose GPU it cannot use: a backend "tensorflow" that computes on the
 * processor. The kernels are those of the plain package, since the native one downloads TensorFlow when it is installed.
 */
import * as tf from '@tensorflow/tfjs';

tf.copyRegisteredKernels('cpu', 'tensorflow');
tf.registerBackend('tensorflow', () => Object.assign(tf.findBackend('cpu'), { isUsingGpuDevice: false }));

export * from '@tensorflow/tfjs';
