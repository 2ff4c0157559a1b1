/** Small models, batches and states for tests of training engines: those with which authors of engines try theirs. */
import type { layerSchema } from '../../src/core/model/spec.js';
import type { EngineOptions } from '../../src/core/plugin/index.js';
import { engineOptions, largestDifference, smallModel } from '../../src/testing/small-model.js';

export {
  ADAMW,
  bitsOf,
  engineOptions,
  largestDifference,
  modelOf,
  randomBatch,
  randomState,
} from '../../src/testing/small-model.js';

export type LayerInput = Parameters<typeof layerSchema.parse>[0];

/** Plain gradient descent whose momentum slot holds, after the first step, the gradient itself. */
export function gradientOptions(batchSize: number): EngineOptions {
  const optimizer = { type: 'sgd', momentum: 0.5, nesterov: false, weightDecay: 0 } as const;
  return engineOptions(batchSize, { optimizer });
}

/** Largest absolute value. */
export function largest(values: ArrayLike<number>): number {
  return largestDifference(values, new Float32Array(values.length));
}

/** Nearly every kind of layer. */
export const MIXED_MODEL = smallModel();
