/** Small networks, states and batches to try engines and backends with. All are pure functions of a seed. */
import { hash32, Random } from '../core/base/random.js';
import { sha256 } from '../core/base/storage/durable.js';
import type { TensorMap } from '../core/base/storage/safetensors.js';
import { preprocessingSchema } from '../core/image/settings.js';
import { GOLDEN_SAMPLES, writeBundle } from '../core/model/bundle.js';
import { type Network, parametersOf, resolveNetwork, sizeOf } from '../core/model/network.js';
import { dropoutMaskSpecs, fillDropoutMask } from '../core/model/random-tensors.js';
import { type LayerInput, layerSchema, type ModelSpec } from '../core/model/spec.js';
import type { Batch, EngineOptions, OptimizerSpec, TrainingState } from '../core/plugin/contracts.js';
import { answerOnce } from '../engine-kit/onnx/checked-export.js';
import { buildInferenceGraph } from '../engine-kit/onnx/inference-graph.js';

/** A spec from layers as a configuration writes them, which are checked here. */
export function modelOf(input: ModelSpec['input'], classes: number, layers: readonly unknown[]): ModelSpec {
  return { input, classes, layers: layers.map((layer) => layerSchema.parse(layer)) };
}

/** Nearly every kind of layer; the channel counts are those that a convolution on WebGPU is sensitive to. */
export const MIXED_LAYERS: readonly LayerInput[] = [
  { type: 'conv', filters: 6, bias: true },
  { type: 'batchNorm', momentum: 0.2 },
  { type: 'relu' },
  { type: 'maxPool' },
  {
    type: 'residual',
    layers: [{ type: 'conv', filters: 8, stride: 2, bias: false }, { type: 'batchNorm' }, { type: 'gelu' }],
  },
  { type: 'averagePool', size: 2, stride: 1, padding: 'same' },
  { type: 'flatten' },
  { type: 'dropout', rate: 0.25 },
  { type: 'dense', units: 'classes' },
];

/** Pictures of 6x7 in colour, in four classes: a network in which no two sides are the same. */
export const smallModel = (layers: readonly LayerInput[] = MIXED_LAYERS): ModelSpec =>
  modelOf({ height: 7, width: 6, channels: 3 }, 4, layers);

/** AdamW with a short memory and a strong decay, so that each of its terms shows within a few steps. */
export const ADAMW = {
  type: 'adamw',
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-8,
  weightDecay: 0.1,
} as const satisfies OptimizerSpec;

/** Options of an engine on one thread; by default with {@link ADAMW} and without clipping. */
export function engineOptions(batchSize: number, more: Partial<EngineOptions> = {}): EngineOptions {
  return { device: 'cpu', batchSize, threads: 1, optimizer: ADAMW, clipNorm: 0, ...more };
}

/**
 * A state in which nothing is special: biases are not zero, scales not one, so that a term that is left out shows.
 * Weights have the size that keeps the signal's.
 */
export function randomState(network: Network, seed: number): TrainingState {
  const parameters: TensorMap = {};
  for (const { name, shape } of parametersOf(network)) {
    const random = new Random(seed, 'initialize', hash32(name));
    const fanIn = shape.length === 2 ? shape[0]! : sizeOf(shape.slice(1));
    const draw = /\.(scale|variance)$/.test(name)
      ? () => random.uniform(0.6, 1.6)
      : shape.length === 1
        ? () => random.uniform(-0.5, 0.5)
        : () => random.normal() * Math.sqrt(1.5 / fanIn);
    parameters[name] = { shape, data: Float32Array.from({ length: sizeOf(shape) }, draw) };
  }
  return { step: 0, parameters, optimizer: {}, plan: undefined };
}

/** Random pictures with soft labels and dropout masks. */
export function randomBatch(network: Network, count: number, seed: number): Batch {
  const random = new Random(seed, 'synthesize');
  const { height, width, channels } = network.input;
  const length = count * height * width * channels;
  const images =
    network.inputType === 'float32'
      ? Float32Array.from({ length }, () => random.normal())
      : Uint8Array.from({ length }, () => random.integer(256));
  const targets = new Float32Array(count * network.classes);
  for (let row = 0; row < count; row++) {
    const weights = Array.from({ length: network.classes }, () => random.float() ** 4);
    const sum = weights.reduce((a, b) => a + b);
    for (const [k, weight] of weights.entries()) targets[row * network.classes + k] = weight / sum;
  }
  const masks: Record<string, Uint8Array> = {};
  for (const spec of dropoutMaskSpecs(network)) {
    masks[spec.name] = new Uint8Array(count * spec.size);
    fillDropoutMask(masks[spec.name]!, spec, seed, 1);
  }
  return { step: seed, count, images, targets, masks };
}

/** Largest absolute difference. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`${a.length} values against ${b.length}`);
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

/** Hashes of a state's numbers, to compare bit by bit. */
export function bitsOf({ step, parameters, optimizer }: TrainingState): {
  step: number;
  hashes: Record<string, string>;
} {
  const hashes = Object.entries({ ...parameters, ...optimizer }).map(([name, { data }]) => [
    name,
    sha256(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  ]);
  return { step, hashes: Object.fromEntries(hashes) };
}

/** Writes the bundle of a small model with random weights, its golden answers given by ONNX Runtime. */
export async function writeSmallBundle(folder: string, layers?: readonly LayerInput[]): Promise<void> {
  const model = smallModel(layers);
  const network = resolveNetwork(model);
  const { parameters } = randomState(network, 1);
  const onnx = buildInferenceGraph(network, parameters, { fold: true });
  const images = pictures(network, GOLDEN_SAMPLES);
  const answer = answerOnce(network, onnx, { threads: 1 });
  await writeBundle(folder, {
    manifest: {
      name: 'small',
      classes: ['first', 'second', 'third', 'fourth'],
      preprocessing: preprocessingSchema.parse(model.input),
      architecture: model.layers.map((layer) => ({ ...layer })),
      training: { epoch: 1, step: 1, metrics: {}, dataFingerprint: '0'.repeat(64), engine: 'onnx' },
    },
    onnx,
    weights: parameters,
    golden: { count: GOLDEN_SAMPLES, images, probabilities: await answer(images, GOLDEN_SAMPLES) },
  });
}

/** From dark to light, so that their answers differ and two that are mixed up show. */
function pictures({ input }: Network, count: number): Uint8Array {
  const random = new Random(1, 'synthesize');
  const size = sizeOf([input.height, input.width, input.channels]);
  return Uint8Array.from({ length: count * size }, (_, i) =>
    random.integer(1 + Math.floor((255 * (Math.floor(i / size) + 1)) / count)),
  );
}
