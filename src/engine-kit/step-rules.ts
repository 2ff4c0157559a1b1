import {
  type Batch,
  type EngineOptions,
  everyLayer,
  type Network,
  type OptimizerSpec,
  RobleError,
  type StepHyperparameters,
  type StepMetrics,
  sizeOf,
} from '../core/plugin/index.js';
import { type FlatLayout, flatFill, layerOf } from './flat-layout.js';

/** The step as it is computed: loss, accuracy, gradient norm, and the sum of the absolute values of the new state. */
export type StepNumbers = ArrayLike<number>;

/** The metrics of a step, which is applied where its numbers are finite and within the limits. */
export function judgeNumbers(numbers: StepNumbers, limits: StepHyperparameters['limits']): StepMetrics {
  const [loss, accuracy, gradientNorm, magnitude] = Array.from(numbers) as [number, number, number, number];
  const applied =
    [loss, gradientNorm, magnitude].every(Number.isFinite) &&
    loss <= (limits?.loss ?? Number.POSITIVE_INFINITY) &&
    gradientNorm <= (limits?.gradientNorm ?? Number.POSITIVE_INFINITY);
  return { loss, accuracy, gradientNorm, applied };
}

/** The numbers that change from step to step; `step` counts from 1. The corrections of AdamW are 1 - beta^step. */
export interface StepScalars {
  readonly learningRate: number;
  readonly emaDecay: number;
  readonly correction1: number;
  readonly correction2: number;
}

export function stepScalars(
  optimizer: OptimizerSpec,
  step: number,
  { learningRate, emaDecay = 0 }: StepHyperparameters,
): StepScalars {
  const correction = (beta: number) => 1 - beta ** step;
  const [correction1, correction2] =
    optimizer.type === 'adamw' ? [correction(optimizer.beta1), correction(optimizer.beta2)] : [1, 1];
  return { learningRate, emaDecay, correction1, correction2 };
}

/** Whether the parameters of a layer stay as they are: it is named, or a block that it lies in. */
export function frozenTest(frozen: EngineOptions['frozen'] = []): (layer: string) => boolean {
  return (layer) => frozen.some((name) => layer === name || layer.startsWith(`${name}.`));
}

/** @throws {RobleError} `ROBLE_INTERNAL` */
export function checkBatchSize({ count }: Batch, batchSize: number): void {
  if (count === batchSize) return;
  throw new RobleError('ROBLE_INTERNAL', 'A training step got a batch of another size than the session.', {
    received: count,
    expected: `${batchSize}`,
  });
}

export function noState(): RobleError {
  return new RobleError('ROBLE_INTERNAL', 'The training session has no state yet: call importState first.');
}

/** The samples `start` to `end` of a batch, as views. */
export function batchPart(network: Network, batch: Batch, start: number, end: number): Batch {
  const { height, width, channels } = network.input;
  const part = <T extends Uint8Array | Float32Array>(values: T, size: number) =>
    values.subarray(start * size, end * size) as T;
  const masks: Record<string, Uint8Array> = {};
  for (const { name, type, input } of everyLayer(network.layers))
    if (type === 'dropout') masks[name] = part(batch.masks[name]!, sizeOf(input));
  return {
    step: batch.step,
    count: end - start,
    images: part(batch.images, height * width * channels),
    targets: part(batch.targets, network.classes),
    masks,
  };
}

type LayerTest = (layer: string) => boolean;

/** Flat, as the weights: 1 where weight decay applies, 0 on biases, norms and frozen layers. */
export function decayMask(weights: FlatLayout, isFrozen: LayerTest): Float32Array {
  return flatFill(weights, ({ name, decay }) => (decay && !isFrozen(layerOf(name)) ? 1 : 0));
}

/** Flat, as the weights: what multiplies the learning rate of each; undefined where all have the same. */
export function rateFactors(
  weights: FlatLayout,
  factors: EngineOptions['learningRateFactors'] = {},
): Float32Array | undefined {
  const names = Object.keys(factors);
  if (names.length === 0) return undefined;
  const factorOf = (layer: string) =>
    factors[names.find((name) => layer === name || layer.startsWith(`${name}.`)) ?? ''] ?? 1;
  return flatFill(weights, ({ name }) => factorOf(layerOf(name)));
}

/** Flat, as the statistics: how far the running ones move to those of a batch; not at all in frozen layers. */
export function statisticsMomenta(
  { layers }: Network,
  statistics: FlatLayout,
  isFrozen: LayerTest,
): Float32Array {
  const momenta = new Map(
    [...everyLayer(layers)].flatMap((layer) =>
      layer.type === 'batchNorm' ? [[layer.name, layer.layer.momentum] as const] : [],
    ),
  );
  return flatFill(statistics, ({ name }) => (isFrozen(layerOf(name)) ? 0 : momenta.get(layerOf(name))!));
}
