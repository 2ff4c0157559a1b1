import type { Tensor } from '@tensorflow/tfjs';
import {
  type Network,
  type Predictor,
  parametersOf,
  RobleError,
  readTrainedModel,
  resolveNetwork,
  type ServingBackend,
  sizeOf,
  type TensorMap,
} from '../../core/plugin/index.js';
import { evaluate } from './layers.js';
import { loadTensorFlow, type TensorFlow } from './tensorflow.js';

/** Serves the weights of a bundle with TensorFlow.js, by the package that is installed: without ONNX Runtime. */
export const plugin: ServingBackend = {
  name: 'tfjs',
  async load({ folder }, { device, threads }): Promise<Predictor> {
    const { tf } = await loadTensorFlow({ device, threads });
    const { model, weights } = await readTrainedModel(folder);
    const network = resolveNetwork(model);
    return new TfjsPredictor(tf, network, tensorsOf(tf, network, weights));
  },
};

/** @throws {RobleError} `ROBLE_BUNDLE_INVALID` naming the tensor that is missing or of another size */
function tensorsOf(tf: TensorFlow, network: Network, weights: TensorMap): Map<string, Tensor> {
  const tensors = parametersOf(network).map(({ name, shape }): [string, Tensor] => {
    const weight = weights[name];
    if (weight?.data.length !== sizeOf(shape))
      throw new RobleError('ROBLE_BUNDLE_INVALID', `The weights do not fit the architecture at "${name}".`, {
        received: weight ? `[${weight.shape.join(', ')}]` : 'nothing',
        expected: `[${shape.join(', ')}]`,
      });
    return [name, tf.tensor(weight.data, [...shape])];
  });
  return new Map(tensors);
}

class TfjsPredictor implements Predictor {
  readonly #tf: TensorFlow;
  readonly #network: Network;
  readonly #parameters: ReadonlyMap<string, Tensor>;

  constructor(tf: TensorFlow, network: Network, parameters: ReadonlyMap<string, Tensor>) {
    this.#tf = tf;
    this.#network = network;
    this.#parameters = parameters;
  }

  async warmUp(): Promise<void> {
    const { height, width, channels } = this.#network.input;
    await this.predict(new Uint8Array(height * width * channels), 1);
  }

  predict(images: Uint8Array, count: number): Promise<Float32Array> {
    return evaluate(this.#tf, this.#network, () => this.#parameters, images, count);
  }

  async close(): Promise<void> {
    this.#tf.dispose([...this.#parameters.values()]);
  }
}
