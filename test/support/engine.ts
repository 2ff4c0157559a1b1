/** Small models, batches and states for tests of training engines. All are pure functions of a seed. */

import { hash32, Random } from '../../src/core/base/random.js';
import { dropoutMaskSpecs, fillDropoutMask } from '../../src/core/model/random-tensors.js';
import { layerSchema, type ModelSpec } from '../../src/core/model/spec.js';
import {
  type Batch,
  type EngineOptions,
  type Network,
  type OptimizerSpec,
  parametersOf,
  sha256,
  sizeOf,
  type TensorMap,
  type TrainingState,
} from '../../src/core/plugin/index.js';

export type LayerInput = Parameters<typeof layerSchema.parse>[0];

/** A spec from layers as a configuration writes them. */
export function modelOf(
  input: ModelSpec['input'],
  classes: number,
  layers: readonly LayerInput[],
): ModelSpec {
  return { input, classes, layers: layers.map((layer) => layerSchema.parse(layer)) };
}

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

/** Plain gradient descent whose momentum slot holds, after the first step, the gradient itself. */
export function gradientOptions(batchSize: number): EngineOptions {
  const optimizer = { type: 'sgd', momentum: 0.5, nesterov: false, weightDecay: 0 } as const;
  return engineOptions(batchSize, { optimizer });
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
  const images = Uint8Array.from({ length: count * height * width * channels }, () => random.integer(256));
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

/** Largest absolute value. */
export function largest(values: ArrayLike<number>): number {
  return largestDifference(values, new Float32Array(values.length));
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

/** Nearly every kind of layer; the channel counts are those that a convolution on WebGPU is sensitive to. */
export const MIXED_MODEL = modelOf({ height: 7, width: 6, channels: 3 }, 4, [
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
]);
