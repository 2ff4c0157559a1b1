import {
  type Network,
  type Predictor,
  type ResolvedLayer,
  RobleError,
  readTrainedModel,
  resolveNetwork,
  type ServingBackend,
  sizeOf,
  type TensorMap,
} from 'roble/plugin';

/**
 * Serves networks of dense layers by plain TypeScript. Put in place of `PlainPredictor` what computes for you: another
 * runtime, another process, a server. `bundle.folder` holds the model as `model.onnx` too.
 */
export const plugin: ServingBackend = {
  name: '<%= it.name %>',

  async load(bundle, { device }) {
    if (device !== 'cpu')
      throw new RobleError('ROBLE_DEVICE_UNAVAILABLE', 'The backend "<%= it.name %>" computes on the CPU alone.', {
        received: device,
        expected: 'cpu',
      });
    const { model, weights } = await readTrainedModel(bundle.folder);
    const network = resolveNetwork(model);
    const unknown = network.layers.find(({ type }) => !LAYERS.includes(type));
    if (unknown)
      throw new RobleError('ROBLE_BUNDLE_INVALID', `The backend "<%= it.name %>" knows no layer "${unknown.type}".`, {
        received: unknown.name,
        expected: `some of ${LAYERS.join(', ')}`,
      });
    return new PlainPredictor(network, weights);
  },
};

const LAYERS = ['flatten', 'dense', 'relu', 'dropout'];

class PlainPredictor implements Predictor {
  readonly #network: Network;
  readonly #weights: TensorMap;

  constructor(network: Network, weights: TensorMap) {
    this.#network = network;
    this.#weights = weights;
  }

  async warmUp(): Promise<void> {
    await this.predict(new Uint8Array(sizeOf(shapeOf(this.#network))), 1);
  }

  async predict(images: Uint8Array, count: number): Promise<Float32Array> {
    const size = sizeOf(shapeOf(this.#network));
    const probabilities = new Float32Array(count * this.#network.classes);
    for (let row = 0; row < count; row++) {
      let values = channelsFirst(images.subarray(row * size, (row + 1) * size), this.#network);
      for (const layer of this.#network.layers) values = compute(layer, values, this.#weights);
      probabilities.set(softmax(values), row * this.#network.classes);
    }
    return probabilities;
  }

  async close(): Promise<void> {}
}

const shapeOf = ({ input: { height, width, channels } }: Network) => [height, width, channels];

/** Pixels, [height, width, channels] of 0..255, as layers see them: [channels, height, width] of 0..1. */
function channelsFirst(pixels: Uint8Array, { input: { height, width, channels } }: Network): Float32Array {
  const values = new Float32Array(pixels.length);
  for (let i = 0; i < height * width; i++)
    for (let c = 0; c < channels; c++) values[c * height * width + i] = pixels[i * channels + c] / 255;
  return values;
}

function compute(layer: ResolvedLayer, values: Float32Array, weights: TensorMap): Float32Array {
  if (layer.type === 'relu') return values.map((value) => Math.max(0, value));
  // Dropout is for training alone, and the values lie flat already.
  if (layer.type !== 'dense') return values;
  const weight = weights[`${layer.name}.weight`].data;
  const output = new Float32Array(layer.units);
  if (layer.layer.bias) output.set(weights[`${layer.name}.bias`].data);
  for (const [i, value] of values.entries())
    for (let unit = 0; unit < layer.units; unit++) output[unit] += value * weight[i * layer.units + unit];
  return output;
}

function softmax(logits: Float32Array): Float32Array {
  const largest = Math.max(...logits);
  const powers = logits.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((value) => value / sum);
}
