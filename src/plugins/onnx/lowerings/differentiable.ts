import type { GraphBuilder, Value } from '../../../engine-kit/onnx/graph.js';
import type { Plan } from './plan.js';

/** What the layers of a training graph share. */
export interface TrainingScope {
  readonly graph: GraphBuilder;
  readonly batch: number;
  readonly plan: Plan;
  /** Whether a layer's parameters get no gradient; a norm then computes with its running statistics. */
  readonly isFrozen: (layer: string) => boolean;
  /** The value of each parameter and running statistic. */
  readonly parameters: ReadonlyMap<string, Value>;
  /** Filled by the backward pass: the gradient of each trainable parameter. */
  readonly gradients: Map<string, Value>;
  /** Filled by the forward pass: mean and unbiased variance of the batch, by the name of the running statistic. */
  readonly batchStatistics: Map<string, Value>;
}

/**
 * The output of a layer, and how to go back: from the gradient of the output to that of the input, storing those of
 * the layer's parameters on the way. `needInput` false saves the input's gradient; then the result is not used.
 */
export interface Differentiable {
  readonly output: Value;
  backward(gradient: Value, needInput: boolean): Value;
}
