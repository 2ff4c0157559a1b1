import {
  layersInside,
  type ResolvedBatchNorm,
  type ResolvedConv,
  type ResolvedDense,
  type ResolvedDropout,
  type ResolvedFlatten,
  type ResolvedGlobalPool,
  type ResolvedLayer,
  type ResolvedPool,
  type ResolvedResidual,
  type ResolvedSqueezeExcite,
  sizeOf,
} from '../../../core/plugin/index.js';
import { BLOCKED_DOMAIN, type Value } from '../../../engine-kit/onnx/graph.js';
import { ACTIVATIONS, type Differentiable } from '../../../engine-kit/onnx/operators.js';
import { channelSums, ofEachPicture, pictureProducts, pixelMeans } from './blocked-maps.js';
import { blockedUnit, blockedUnitAt } from './blocked-unit.js';
import { convForward, convInputGradient, convWeightGradient } from './convolution.js';
import { batchNorm } from './norms.js';
import { poolingLayer } from './pooling.js';
import type { TrainingScope } from './scope.js';
import { convShapes } from './windows.js';

/** A sequence of layers. The way back ends at the first layer that is trained. */
export function sequence(scope: TrainingScope, layers: readonly ResolvedLayer[], x: Value): Differentiable {
  const parts: Differentiable[] = [];
  /** Of the first part with something to train. */
  let first = Number.POSITIVE_INFINITY;
  let value = x;
  for (let i = 0; i < layers.length; ) {
    const unit = blockedUnitAt(scope, layers, i);
    const part = unit ? blockedUnit(scope, unit, value) : differentiable(scope, layers[i]!, value);
    const covered = unit?.layers ?? [layers[i]!];
    if (covered.some((layer) => isTrained(scope, layer))) first = Math.min(first, parts.length);
    parts.push(part);
    value = part.output;
    i += covered.length;
  }
  return {
    output: value,
    backward(gradient, needInput) {
      const last = needInput ? 0 : Math.min(first, parts.length);
      let current = gradient;
      for (let i = parts.length - 1; i >= last; i--)
        current = parts[i]!.backward(current, needInput || i > last);
      return current;
    },
  };
}

function isTrained(scope: TrainingScope, layer: ResolvedLayer): boolean {
  const isOwn = layer.parameters.length > 0 && !scope.isFrozen(layer.name);
  return isOwn || layersInside(layer).some((inner) => isTrained(scope, inner));
}

function differentiable(scope: TrainingScope, layer: ResolvedLayer, x: Value): Differentiable {
  switch (layer.type) {
    case 'conv':
      return convolution(scope, layer, x);
    case 'relu':
    case 'gelu':
    case 'silu':
    case 'relu6':
    case 'hardSwish':
    case 'hardSigmoid':
    case 'sigmoid':
      return valueByValue(scope, x, ACTIVATIONS[layer.type](scope.graph, x));
    case 'dropout':
      return valueByValue(scope, x, dropout(scope, layer, x));
    case 'squeezeExcite':
      return squeezeExcite(scope, layer, x);
    case 'residual':
      return residual(scope, layer, x);
    case 'globalAveragePool':
      return scope.layouts.isBlocked(x) ? blockedAverage(scope, layer, x) : globalPool(scope, layer, x);
    default:
      return inPlainLayout(scope, x, (plain) => plainLayer(scope, layer, plain));
  }
}

type PlainLayer = ResolvedBatchNorm | ResolvedPool | ResolvedGlobalPool | ResolvedFlatten | ResolvedDense;

function plainLayer(scope: TrainingScope, layer: PlainLayer, x: Value): Differentiable {
  switch (layer.type) {
    case 'batchNorm':
      return batchNorm(scope, layer, x);
    case 'maxPool':
    case 'averagePool':
      return poolingLayer(scope.graph, scope.batch, layer, x);
    case 'globalAveragePool':
    case 'globalMaxPool':
      return globalPool(scope, layer, x);
    case 'flatten':
      return {
        output: scope.graph.reshape(x, [scope.batch, sizeOf(layer.input)]),
        backward: (gradient) => scope.graph.reshape(gradient, [scope.batch, ...layer.input]),
      };
    case 'dense':
      return dense(scope, layer, x);
  }
}

/** A layer that reads and gives plain pictures, or vectors. */
function inPlainLayout(
  { layouts }: TrainingScope,
  x: Value,
  build: (plain: Value) => Differentiable,
): Differentiable {
  const part = build(layouts.plain(x));
  return {
    output: part.output,
    backward: (gradient, needInput) => part.backward(layouts.plain(gradient), needInput),
  };
}

/** A layer that computes each value from the one at the same place, in whatever layout the pictures lie. */
function valueByValue({ layouts }: TrainingScope, x: Value, part: Differentiable): Differentiable {
  return {
    output: layouts.inLayoutOf(x, part.output),
    backward: (gradient, needInput) =>
      layouts.inLayoutOf(x, part.backward(layouts.like(x, gradient), needInput)),
  };
}

function convolution(scope: TrainingScope, layer: ResolvedConv, x: Value): Differentiable {
  const { graph, layouts, plan } = scope;
  const shapes = convShapes(layer, scope.batch);
  const lowering = plan.convolutions[layer.name]!;
  const weight = scope.parameters.get(`${layer.name}.weight`)!;
  const bias = scope.parameters.get(`${layer.name}.bias`);
  const { outChannels, output } = shapes;
  const staysBlocked = plan.layout === 'blocked' && lowering.forward === 'blocked';
  // By plans that were made before pictures stayed in blocks, they are plain between any two layers.
  const settle = (value: Value) => (plan.layout === 'blocked' ? value : layouts.plain(value));
  const product = settle(
    convForward(layouts, lowering.forward, shapes, x, staysBlocked && bias ? [weight, bias] : [weight]),
  );
  return {
    output:
      bias && !staysBlocked
        ? graph.op('Add', [product, graph.reshape(bias, [1, outChannels, 1, 1])])
        : product,
    backward(gradient, needInput) {
      if (!scope.isFrozen(layer.name)) {
        if (bias)
          scope.gradients.set(
            `${layer.name}.bias`,
            layouts.isBlocked(gradient)
              ? channelSums(layouts, { value: gradient, shape: [scope.batch, outChannels, ...output] })
              : graph.reduceSum(gradient, [0, 2, 3]),
          );
        scope.gradients.set(
          `${layer.name}.weight`,
          convWeightGradient(layouts, lowering.weightGradient, shapes, x, gradient),
        );
      }
      return needInput
        ? settle(convInputGradient(layouts, lowering.inputGradient, shapes, gradient, weight))
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

/** As {@link globalPool}, of pictures in blocks. */
function blockedAverage(scope: TrainingScope, layer: ResolvedGlobalPool, x: Value): Differentiable {
  const { graph, layouts, batch } = scope;
  const [channels, height, width] = layer.input as readonly [number, number, number];
  return {
    output: pixelMeans(layouts, { value: x, shape: [batch, channels, height, width] }),
    backward(gradient) {
      const share = graph.op('Mul', [gradient, graph.float(1 / (height * width))]);
      const pictures = graph.reshape(share, [batch, channels, 1, 1]);
      const spread = graph.op('Upsample', [pictures], { scales: [1, 1, height, width] }, BLOCKED_DOMAIN);
      return layouts.inBlocks(spread, channels);
    },
  };
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

function dropout({ graph, layouts, batch }: TrainingScope, layer: ResolvedDropout, x: Value): Differentiable {
  const { rate } = layer.layer;
  if (rate === 0) return { output: x, backward: (gradient) => gradient };
  const mask = graph.input(maskInput(layer.name), 'uint8', [batch, ...layer.input]);
  const kept = layouts.like(x, graph.op('Cast', [mask], { to: 1 }));
  const factor = graph.op('Mul', [kept, graph.float(1 / (1 - rate))]);
  return {
    output: graph.op('Mul', [x, factor]),
    backward: (gradient) => graph.op('Mul', [gradient, factor]),
  };
}

/** The graph input that takes the mask of a dropout layer. */
export function maskInput(layer: string): string {
  return `mask:${layer}`;
}

/**
 * Each channel of each picture times its factor. In blocks every channel of every picture is a channel of one picture, so
 * that the product, and the whole gradient of the input, are one affine map.
 */
function squeezeExcite(scope: TrainingScope, layer: ResolvedSqueezeExcite, x: Value): Differentiable {
  const { graph, layouts, batch } = scope;
  const [channels, height, width] = layer.input as readonly [number, number, number];
  const isBlocked = layouts.isBlocked(x);
  const shape = [batch, channels, height, width] as const;
  const [, ...dense] = layer.body;
  const means = isBlocked
    ? pixelMeans(layouts, { value: x, shape })
    : graph.op('ReduceMean', [x], { axes: [2, 3], keepdims: 0 });
  const factors = sequence(scope, dense, means);
  const perChannel = (value: Value) => graph.reshape(value, [batch, channels, 1, 1]);
  const scaled = (value: Value, offset?: Value) => {
    if (isBlocked)
      return layouts.inBlocks(ofEachPicture(layouts, { value, shape }, factors.output, offset), channels);
    const product = graph.op('Mul', [value, perChannel(factors.output)]);
    return offset ? graph.op('Add', [product, perChannel(offset)]) : product;
  };
  return {
    output: scaled(x),
    backward(gradient, needInput) {
      const above = layouts.like(x, gradient);
      const factorGradient = isBlocked
        ? pictureProducts(layouts, { value: x, shape }, above)
        : graph.reduceSum(graph.op('Mul', [x, above]), [2, 3]);
      const meanGradient = factors.backward(factorGradient, needInput);
      if (!needInput) return gradient;
      return scaled(above, graph.op('Mul', [meanGradient, graph.float(1 / (height * width))]));
    },
  };
}

function residual(scope: TrainingScope, layer: ResolvedResidual, x: Value): Differentiable {
  const { graph, layouts } = scope;
  const body = sequence(scope, layer.body, x);
  const shortcut = layer.projection.length > 0 ? sequence(scope, layer.projection, x) : undefined;
  const add = (a: Value, b: Value) => layouts.inLayoutOf(a, graph.op('Add', [a, layouts.like(a, b)]));
  return {
    output: add(body.output, shortcut?.output ?? x),
    backward(gradient, needInput) {
      const throughBody = body.backward(gradient, needInput);
      const throughShortcut = shortcut ? shortcut.backward(gradient, needInput) : gradient;
      return needInput ? add(throughBody, throughShortcut) : gradient;
    },
  };
}
