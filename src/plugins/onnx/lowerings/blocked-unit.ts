import {
  type ResolvedBatchNorm,
  type ResolvedLayer,
  type ResolvedPool,
  sizeOf,
} from '../../../core/plugin/index.js';
import type { Value } from '../../../engine-kit/onnx/graph.js';
import type { Differentiable } from '../../../engine-kit/onnx/operators.js';
import {
  affine,
  type Blocks,
  channelProducts,
  channelSums,
  clip,
  insideMarks,
  pixelMeans,
  positiveMarks,
  SIX,
  type Tiling,
  tileMaxima,
  tileMaximaGradient,
} from './blocked-maps.js';
import type { Layouts } from './layouts.js';
import { inverseDeviation, recordStatistics, varianceOf } from './norms.js';
import { tiles } from './pooling.js';
import type { TrainingScope } from './scope.js';

/** Layers that are computed as one in the blocked layout: all that lies between two convolutions. */
export interface BlockedUnit {
  readonly norm: ResolvedBatchNorm | undefined;
  readonly activation: 'relu' | 'relu6' | undefined;
  readonly pool: ResolvedPool | undefined;
  readonly layers: readonly ResolvedLayer[];
}

/** The unit that begins at a layer: a batch norm, a ReLU or ReLU6, and after a ReLU a max pooling without overlaps, each if it is there. */
export function blockedUnitAt(
  { layouts, plan }: TrainingScope,
  layers: readonly ResolvedLayer[],
  start: number,
): BlockedUnit | undefined {
  const { input } = layers[start]!;
  if (plan.layout !== 'blocked' || input.length !== 3 || !layouts.fits(input[0])) return undefined;
  let end = start;
  const first = layers[end]!;
  const norm = first.type === 'batchNorm' ? first : undefined;
  if (norm) end++;
  const type = layers[end]?.type;
  const activation = type === 'relu' || type === 'relu6' ? type : undefined;
  if (activation) end++;
  const last = activation === 'relu6' ? undefined : layers[end];
  const pool = last?.type === 'maxPool' && tiles(last) ? last : undefined;
  if (pool) end++;
  return end === start ? undefined : { norm, activation, pool, layers: layers.slice(start, end) };
}

/** x [N, C, H, W] -> the same, or pooled; gradients in blocks too. */
export function blockedUnit(scope: TrainingScope, unit: BlockedUnit, x: Value): Differentiable {
  const { layouts } = scope;
  const [channels, height, width] = unit.layers[0]!.input as readonly [number, number, number];
  const shape = [scope.batch, channels, height, width] as const;
  const pictures: Blocks = { value: layouts.blocked(x, channels), shape };
  const { activation } = unit;
  const norm = unit.norm ? blockedNorm(scope, unit.norm, pictures, activation) : undefined;
  const output = norm?.output ?? (activation ? activated(layouts, pictures, activation) : pictures.value);
  const top = unit.pool
    ? pooled(scope, unit.pool, { value: output, shape }, activation === 'relu')
    : activation
      ? rectified(scope, { value: output, shape }, activation)
      : undefined;
  return {
    output: layouts.inBlocks(top?.output ?? output, channels),
    backward(gradient, needInput) {
      const above = layouts.blocked(gradient, channels);
      const below = top ? top.backward(above, true) : above;
      const result = norm ? norm.backward(below, needInput) : below;
      return layouts.inBlocks(result, channels);
    },
  };
}

function activated(layouts: Layouts, x: Blocks, activation: 'relu' | 'relu6'): Value {
  return activation === 'relu' ? layouts.graph.op('Relu', [x.value]) : clip(layouts, x, SIX);
}

/** The ReLU or ReLU6 that gave `output`. */
function rectified({ layouts }: TrainingScope, output: Blocks, activation: 'relu' | 'relu6'): Differentiable {
  const marks = activation === 'relu' ? positiveMarks : insideMarks;
  return {
    output: output.value,
    backward: (gradient) => layouts.graph.op('Mul', [gradient, marks(layouts, output)]),
  };
}

/** Max pooling, of what a ReLU gave or not. */
function pooled({ layouts }: TrainingScope, pool: ResolvedPool, x: Blocks, ofRelu: boolean): Differentiable {
  const [, height, width] = pool.output as readonly [number, number, number];
  const tiling: Tiling = { kernel: pool.window.kernel, output: [height, width] };
  const output = tileMaxima(layouts, x, tiling);
  return {
    output,
    backward: (gradient) => tileMaximaGradient(layouts, x, output, gradient, tiling, ofRelu),
  };
}

/**
 * Batch normalisation (Ioffe and Szegedy 2015) over the batch and the pixels, and the ReLU or ReLU6 after it, if any, whose
 * gradient is not taken here.
 */
function blockedNorm(
  scope: TrainingScope,
  layer: ResolvedBatchNorm,
  x: Blocks,
  activation: 'relu' | 'relu6' | undefined,
): Differentiable {
  const { graph, layouts } = scope;
  const isFrozen = scope.isFrozen(layer.name);
  const count = (scope.batch * sizeOf(layer.input)) / layer.input[0];
  const parameter = (part: string) => scope.parameters.get(`${layer.name}.${part}`)!;
  const [mean, variance] = isFrozen
    ? [parameter('mean'), parameter('variance')]
    : batchStatistics(scope, layer, x, count);
  const inverse = inverseDeviation(graph, variance, layer.layer.epsilon);
  const scale = graph.op('Mul', [parameter('scale'), inverse]);
  const offset = graph.op('Sub', [parameter('bias'), graph.op('Mul', [mean, scale])]);
  return {
    output: affine(layouts, x, {
      scale,
      offset,
      ...(activation && { activation: activation === 'relu' ? 'Relu' : SIX }),
    }),
    backward(gradient, needInput) {
      const pictures = { value: gradient, shape: x.shape };
      if (isFrozen) return needInput ? affine(layouts, pictures, { scale }) : gradient;
      const gradientSum = channelSums(layouts, pictures);
      const productSum = channelProducts(layouts, x, gradient);
      const centred = graph.op('Sub', [productSum, graph.op('Mul', [mean, gradientSum])]);
      const scaleGradient = graph.op('Mul', [centred, inverse]);
      scope.gradients.set(`${layer.name}.scale`, scaleGradient);
      scope.gradients.set(`${layer.name}.bias`, gradientSum);
      if (!needInput) return gradient;
      // dx = scale * gradient + slope * (x - mean) + level
      const share = graph.op('Mul', [scale, graph.float(-1 / count)]);
      const slope = graph.op('Mul', [graph.op('Mul', [share, inverse]), scaleGradient]);
      const level = graph.op('Mul', [share, gradientSum]);
      return affine(layouts, x, {
        scale: slope,
        offset: graph.op('Sub', [level, graph.op('Mul', [slope, mean])]),
        sum: affine(layouts, pictures, { scale }),
      });
    },
  };
}

/** Mean and variance [C] of a batch, recorded for the running statistics. */
function batchStatistics(
  scope: TrainingScope,
  layer: ResolvedBatchNorm,
  x: Blocks,
  count: number,
): [mean: Value, variance: Value] {
  const { graph, layouts } = scope;
  const mean = graph.op('ReduceMean', [pixelMeans(layouts, x)], { axes: [0], keepdims: 0 });
  const meanSquare = graph.op('Mul', [channelProducts(layouts, x, x.value), graph.float(1 / count)]);
  const variance = varianceOf(graph, mean, meanSquare);
  recordStatistics(scope, layer, { mean, variance, count });
  return [mean, variance];
}
