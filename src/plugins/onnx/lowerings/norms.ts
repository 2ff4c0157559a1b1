import { type ResolvedBatchNorm, sizeOf } from '../../../core/plugin/index.js';
import type { GraphBuilder, Value } from '../../../engine-kit/onnx/graph.js';
import type { Differentiable } from '../../../engine-kit/onnx/operators.js';
import type { TrainingScope } from './scope.js';

/**
 * Batch normalisation (Ioffe and Szegedy 2015) over the batch and the pixels. The runtime's operator in training mode
 * does not give the batch statistics, so they are computed here and fed to its evaluation mode; the same operator
 * serves once more as the affine map of a channel in the gradient, which is one pass over memory instead of three.
 */
export function batchNorm(scope: TrainingScope, layer: ResolvedBatchNorm, x: Value): Differentiable {
  if (scope.isFrozen(layer.name)) return frozenNorm(scope, layer, x);
  const { graph } = scope;
  const channels = layer.input[0];
  const axes = layer.input.length === 3 ? [0, 2, 3] : [0];
  const count = (scope.batch * sizeOf(layer.input)) / channels;
  const epsilon = layer.layer.epsilon;
  const scale = scope.parameters.get(`${layer.name}.scale`)!;
  const bias = scope.parameters.get(`${layer.name}.bias`)!;
  const perChannel = layer.input.length === 3 ? [1, channels, 1, 1] : [1, channels];

  const mean = graph.op('ReduceMean', [x], { axes, keepdims: 0 });
  const meanSquare = graph.op('Mul', [
    graph.reduceSum(graph.op('Mul', [x, x]), axes),
    graph.float(1 / count),
  ]);
  const variance = varianceOf(graph, mean, meanSquare);
  const inverse = inverseDeviation(graph, variance, epsilon);
  recordStatistics(scope, layer, { mean, variance, count });
  return {
    output: graph.op('BatchNormalization', [x, scale, bias, mean, variance], { epsilon }),
    backward(gradient, needInput) {
      const gradientSum = graph.reduceSum(gradient, axes);
      const productSum = graph.reduceSum(graph.op('Mul', [gradient, x]), axes);
      const centred = graph.op('Sub', [productSum, graph.op('Mul', [mean, gradientSum])]);
      const scaleGradient = graph.op('Mul', [centred, inverse]);
      scope.gradients.set(`${layer.name}.scale`, scaleGradient);
      scope.gradients.set(`${layer.name}.bias`, gradientSum);
      if (!needInput) return gradient;
      // dx = s * gradient + slope * (x - mean) + offset
      const s = graph.op('Mul', [scale, inverse]);
      const share = graph.op('Mul', [s, graph.float(-1 / count)]);
      const slope = graph.op('Mul', [graph.op('Mul', [share, inverse]), scaleGradient]);
      const offset = graph.op('Mul', [share, gradientSum]);
      const ones = graph.tensor(`ones:${channels}`, [channels], () => new Float32Array(channels).fill(1));
      const affine = graph.op('BatchNormalization', [x, slope, offset, mean, ones], { epsilon: 0 });
      return graph.op('Add', [graph.op('Mul', [gradient, graph.reshape(s, perChannel)]), affine]);
    },
  };
}

/** Of a batch, from the means of its values and of their squares. */
export function varianceOf(graph: GraphBuilder, mean: Value, meanSquare: Value): Value {
  // Rounding can make the difference of two nearly equal numbers negative.
  return graph.op('Max', [graph.op('Sub', [meanSquare, graph.op('Mul', [mean, mean])]), graph.float(0)]);
}

export function inverseDeviation(graph: GraphBuilder, variance: Value, epsilon: number): Value {
  return graph.op('Reciprocal', [graph.op('Sqrt', [graph.op('Add', [variance, graph.float(epsilon)])])]);
}

/** Hands the statistics [C] of a batch, over `count` values of each channel, to the running ones. */
export function recordStatistics(
  { graph, batchStatistics }: TrainingScope,
  { name }: ResolvedBatchNorm,
  { mean, variance, count }: { readonly mean: Value; readonly variance: Value; readonly count: number },
): void {
  batchStatistics.set(`${name}.mean`, mean);
  const unbiased = graph.float(count / Math.max(count - 1, 1));
  batchStatistics.set(`${name}.variance`, graph.op('Mul', [variance, unbiased]));
}

/** A norm that is not trained: a fixed affine map of each channel, as in evaluation. */
function frozenNorm(
  { graph, parameters }: TrainingScope,
  layer: ResolvedBatchNorm,
  x: Value,
): Differentiable {
  const { epsilon } = layer.layer;
  const [scale, bias, mean, variance] = ['scale', 'bias', 'mean', 'variance'].map(
    (part) => parameters.get(`${layer.name}.${part}`)!,
  ) as [Value, Value, Value, Value];
  return {
    output: graph.op('BatchNormalization', [x, scale, bias, mean, variance], { epsilon }),
    backward(gradient) {
      const deviation = graph.op('Sqrt', [graph.op('Add', [variance, graph.float(epsilon)])]);
      const slope = graph.op('Div', [scale, deviation]);
      const perChannel = layer.input.length === 3 ? [1, layer.input[0], 1, 1] : [1, layer.input[0]];
      return graph.op('Mul', [gradient, graph.reshape(slope, perChannel)]);
    },
  };
}
