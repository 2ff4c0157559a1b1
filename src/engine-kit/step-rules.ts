import {
  type Batch,
  type EngineOptions,
  type OptimizerSpec,
  RobleError,
  type StepHyperparameters,
  type StepMetrics,
} from '../core/plugin/index.js';

/** The step as it is computed: loss, accuracy, gradient norm, and the sum of the absolute values of the new state. */
export type StepNumbers = ArrayLike<number>;

/** What a step comes to: it is applied where its numbers are finite and within the limits. */
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
