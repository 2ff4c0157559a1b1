import {
  type ResolvedActivation,
  type ResolvedBatchNorm,
  type ResolvedConv,
  type ResolvedDense,
  type ResolvedDropout,
  type ResolvedGlobalPool,
  type ResolvedLayer,
  type ResolvedResidual,
  sizeOf,
} from '../../../core/plugin/index.js';
import type { GraphBuilder, Value } from '../../../engine-kit/onnx/graph.js';
import { type Differentiable, gelu, relu, silu } from '../../../engine-kit/onnx/operators.js';
import { convForward, convInputGradient, convWeightGradient } from './convolution.js';
import type { ExecutionPlan } from './execution-plan.js';
import { poolingLayer } from './pooling.js';
import { convShapes } from './windows.js';

/** A sequence of layers. The way back ends at the first layer that is trained. */
export function sequence(scope: TrainingScope, layers: readonly ResolvedLayer[], x: Value): Differentiable {
  const parts: Differentiable[] = [];
  let value = x;
  for (const layer of layers) {
    const part = differentiable(scope, layer, value);
    parts.push(part);
    value = part.output;
  }
  const first = layers.findIndex((layer) => isTrained(scope, layer));
  return {
    output: value,
    backward(gradient, needInput) {
      const last = needInput ? 0 : first === -1 ? layers.length : first;
      let current = gradient;
      for (let i = parts.length - 1; i >= last; i--)
        current = parts[i]!.backward(current, needInput || i > last);
      return current;
    },
  };
}

function isTrained(scope: TrainingScope, layer: ResolvedLayer): boolean {
  return layer.type === 'residual'
    ? [...layer.body, ...layer.projection].some((inner) => isTrained(scope, inner))
    : layer.parameters.length > 0 && !scope.isFrozen(layer.name);
}

function differentiable(scope: TrainingScope, layer: ResolvedLayer, x: Value): Differentiable {
  switch (layer.type) {
    case 'conv':
      return convolution(scope, layer, x);
    case 'batchNorm':
      return batchNorm(scope, layer, x);
    case 'relu':
    case 'gelu':
    case 'silu':
      return activation(scope, layer, x);
    case 'maxPool':
    case 'averagePool':
      return poolingLayer(scope.graph, scope.batch, layer, x);
    case 'globalAveragePool':
    case 'globalMaxPool':
      return globalPool(scope, layer, x);
    case 'dropout':
      return dropout(scope, layer, x);
    case 'flatten':
      return {
        output: scope.graph.reshape(x, [scope.batch, sizeOf(layer.input)]),
        backward: (gradient) => scope.graph.reshape(gradient, [scope.batch, ...layer.input]),
      };
    case 'dense':
      return dense(scope, layer, x);
    case 'residual':
      return residual(scope, layer, x);
  }
}

function convolution(scope: TrainingScope, layer: ResolvedConv, x: Value): Differentiable {
  const { graph, plan } = scope;
  const shapes = convShapes(layer, scope.batch);
  const lowering = plan.convolutions[layer.name]!;
  const weight = scope.parameters.get(`${layer.name}.weight`)!;
  const bias = scope.parameters.get(`${layer.name}.bias`);
  const product = convForward(graph, lowering.forward, shapes, x, weight, plan.blockSize);
  return {
    output: bias ? graph.op('Add', [product, graph.reshape(bias, [1, shapes.outChannels, 1, 1])]) : product,
    backward(gradient, needInput) {
      if (!scope.isFrozen(layer.name)) {
        if (bias) scope.gradients.set(`${layer.name}.bias`, graph.reduceSum(gradient, [0, 2, 3]));
        scope.gradients.set(
          `${layer.name}.weight`,
          convWeightGradient(graph, lowering.weightGradient, shapes, x, gradient, plan.blockSize),
        );
      }
      return needInput
        ? convInputGradient(graph, lowering.inputGradient, shapes, gradient, weight, plan.blockSize)
        : gradient;
    },
  };
}

function dense(scope: TrainingScope, layer: ResolvedDense, x: Value): Differentiable {
  const { graph } = scope;
  const weight = scope.parameters.get(`${layer.name}.weight`)!;
  const bias = scope.parameters.get(`${layer.name}.bias`);
  return {
    output: graph.op('Gemm', bias ? [x, weight, bias] : [x, weight]),
    backward(gradient, needInput) {
      if (!scope.isFrozen(layer.name)) {
        scope.gradients.set(`${layer.name}.weight`, graph.op('Gemm', [x, gradient], { transA: 1 }));
        if (bias) scope.gradients.set(`${layer.name}.bias`, graph.reduceSum(gradient, [0]));
      }
      return needInput ? graph.op('Gemm', [gradient, weight], { transB: 1 }) : gradient;
    },
  };
}

/**
 * Batch normalisation (Ioffe and Szegedy 2015) over the batch and the pixels. The runtime's operator in training mode
 * does not give the batch statistics, so they are computed here and fed to its evaluation mode; the same operator
 * serves once more as the affine map of a channel in the gradient, which is one pass over memory instead of three.
 */
function batchNorm(scope: TrainingScope, layer: ResolvedBatchNorm, x: Value): Differentiable {
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
  // Rounding can make the difference of two nearly equal numbers negative.
  const variance = graph.op('Max', [
    graph.op('Sub', [meanSquare, graph.op('Mul', [mean, mean])]),
    graph.float(0),
  ]);
  const inverse = graph.op('Reciprocal', [
    graph.op('Sqrt', [graph.op('Add', [variance, graph.float(epsilon)])]),
  ]);
  scope.batchStatistics.set(`${layer.name}.mean`, mean);
  scope.batchStatistics.set(
    `${layer.name}.variance`,
    graph.op('Mul', [variance, graph.float(count / Math.max(count - 1, 1))]),
  );
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

function activation({ graph }: TrainingScope, layer: ResolvedActivation, x: Value): Differentiable {
  return { relu, gelu, silu }[layer.type](graph, x);
}

function globalPool({ graph, batch }: TrainingScope, layer: ResolvedGlobalPool, x: Value): Differentiable {
  const [channels, height, width] = layer.input as readonly [number, number, number];
  if (layer.type === 'globalAveragePool')
    return {
      output: graph.op('ReduceMean', [x], { axes: [2, 3], keepdims: 0 }),
      backward(gradient) {
        const share = graph.op('Mul', [gradient, graph.float(1 / (height * width))]);
        return graph.op('Expand', [
          graph.reshape(share, [batch, channels, 1, 1]),
          graph.ints([batch, channels, height, width]),
        ]);
      },
    };
  const maximum = graph.op('ReduceMax', [x], { axes: [2, 3], keepdims: 1 });
  return {
    output: graph.reshape(maximum, [batch, channels]),
    backward(gradient) {
      // Equal maxima share the gradient.
      const isMaximum = graph.op('Cast', [graph.op('Equal', [x, maximum])], { to: 1 });
      const ties = graph.op('ReduceSum', [isMaximum, graph.ints([2, 3])], { keepdims: 1 });
      const share = graph.op('Div', [graph.reshape(gradient, [batch, channels, 1, 1]), ties]);
      return graph.op('Mul', [isMaximum, share]);
    },
  };
}

function dropout({ graph, batch }: TrainingScope, layer: ResolvedDropout, x: Value): Differentiable {
  const { rate } = layer.layer;
  if (rate === 0) return { output: x, backward: (gradient) => gradient };
  const mask = graph.input(maskInput(layer.name), 'uint8', [batch, ...layer.input]);
  const factor = graph.op('Mul', [graph.op('Cast', [mask], { to: 1 }), graph.float(1 / (1 - rate))]);
  return {
    output: graph.op('Mul', [x, factor]),
    backward: (gradient) => graph.op('Mul', [gradient, factor]),
  };
}

/** The graph input that takes the mask of a dropout layer. */
export function maskInput(layer: string): string {
  return `mask:${layer}`;
}

function residual(scope: TrainingScope, layer: ResolvedResidual, x: Value): Differentiable {
  const body = sequence(scope, layer.body, x);
  const shortcut = layer.projection.length > 0 ? sequence(scope, layer.projection, x) : undefined;
  return {
    output: scope.graph.op('Add', [body.output, shortcut?.output ?? x]),
    backward(gradient, needInput) {
      const throughBody = body.backward(gradient, needInput);
      const throughShortcut = shortcut ? shortcut.backward(gradient, needInput) : gradient;
      return needInput ? scope.graph.op('Add', [throughBody, throughShortcut]) : gradient;
    },
  };
}

/** What the layers of a training graph share. */
export interface TrainingScope {
  readonly graph: GraphBuilder;
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
