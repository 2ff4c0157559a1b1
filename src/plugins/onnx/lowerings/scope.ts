import type { GraphBuilder, Value } from '../../../engine-kit/onnx/graph.js';
import type { ExecutionPlan } from './execution-plan.js';
import type { Layouts } from './layouts.js';

/** What the layers of a training graph share. */
export interface TrainingScope {
  readonly graph: GraphBuilder;
  /** Where the values of this graph lie. */
  readonly layouts: Layouts;
  readonly batch: number;
  readonly plan: ExecutionPlan;
  /** Whether a layer's parameters get no gradient; a norm then computes with its running statistics. */
  readonly isFrozen: (layer: string) => boolean;
  /** The value of each parameter and running statistic. */
  readonly parameters: ReadonlyMap<string, Value>;
  /** Filled by the backward pass: the gradient of each trainable parameter. */
  readonly gradients: Map<string, Value>;
  /** Filled by the forward pass: mean and unbiased variance of the batch, by the name of the running statistic. */
  readonly batchStatistics: Map<string, Value>;
}
