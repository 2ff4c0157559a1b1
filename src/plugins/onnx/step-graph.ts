import { type Network, sizeOf } from '../../core/plugin/index.js';
import { type FlatLayout, flatLayouts, layerOf } from '../../engine-kit/flat-layout.js';
import { GraphBuilder, type Value } from '../../engine-kit/onnx/graph.js';
import { scaledImages } from '../../engine-kit/onnx/inference-graph.js';
import type { ExecutionPlan } from './lowerings/execution-plan.js';
import { sequence } from './lowerings/layers.js';
import { Layouts } from './lowerings/layouts.js';
import type { TrainingScope } from './lowerings/scope.js';
import { addUpdate, type BatchResult, nextOf, type UpdateOptions } from './update-graph.js';

export interface StepGraphOptions extends UpdateOptions {
  /** Samples of the whole batch, over which the loss is the mean. */
  readonly batch: number;
  readonly plan: ExecutionPlan;
}

/**
 * One training step as an ONNX model: forward, loss, gradients, clipping, update.
 *
 * Inputs: `images` uint8 [N, H, W, C], `targets` float32 [N, classes], a mask for each dropout layer, the flat
 * `weights`, and what {@link addUpdate} adds; outputs: as there.
 */
export function buildStepGraph(options: StepGraphOptions): Uint8Array {
  const graph = new GraphBuilder();
  const weights = weightsInput(graph, options.network);
  addUpdate(graph, options, weights, addGradients(graph, options, weights, options.batch));
  return graph.encode();
}

/** Name of the vector in which the parts of a batch are summed: gradient, statistics, loss, accuracy. */
export const ACCUMULATED = 'accumulated';

/** Values of the accumulated vector. */
export function accumulatedSize(network: Network): number {
  const { weights, statistics } = flatLayouts(network);
  return weights.size + statistics.size + 2;
}

/**
 * The gradients of a part of a batch, added to those of the parts before: `accumulated` float32 comes in and goes out
 * as `next:accumulated`. The other inputs are those of a step of `size` samples.
 */
export function buildGradientGraph(options: StepGraphOptions, size: number): Uint8Array {
  const graph = new GraphBuilder();
  const length = accumulatedSize(options.network);
  const before = graph.input(ACCUMULATED, 'float32', [length]);
  const { gradient, statistics, loss, accuracy } = addGradients(
    graph,
    options,
    weightsInput(graph, options.network),
    size,
  );
  const parts = [
    gradient,
    ...(statistics ? [statistics] : []),
    graph.reshape(loss, [1]),
    graph.reshape(accuracy, [1]),
  ];
  const sum = graph.op('Add', [before, graph.op('Concat', parts, { axis: 0 })]);
  graph.output(sum, nextOf(ACCUMULATED), 'float32', [length]);
  return graph.encode();
}

/** The update from the `accumulated` gradients of a whole batch. */
export function buildUpdateGraph(options: StepGraphOptions): Uint8Array {
  const graph = new GraphBuilder();
  const { weights, statistics } = flatLayouts(options.network);
  const accumulated = graph.input(ACCUMULATED, 'float32', [accumulatedSize(options.network)]);
  const sizes = [weights.size, ...(statistics.size > 0 ? [statistics.size] : []), 1, 1];
  const parts = consecutive(graph, accumulated, sizes);
  addUpdate(graph, options, weightsInput(graph, options.network), {
    gradient: parts[0]!,
    statistics: statistics.size > 0 ? parts[1] : undefined,
    loss: parts.at(-2)!,
    accuracy: parts.at(-1)!,
  });
  return graph.encode();
}

function weightsInput(graph: GraphBuilder, network: Network): Value {
  return graph.input('weights', 'float32', [flatLayouts(network).weights.size]);
}

/** Forward and backward over `size` samples of a batch; each result is their share of the whole batch's. */
function addGradients(
  graph: GraphBuilder,
  { network, batch, plan, isFrozen }: StepGraphOptions,
  flatWeights: Value,
  size: number,
): BatchResult {
  const { weights, statistics } = flatLayouts(network);
  const parameters = splitFlat(graph, flatWeights, weights);
  // Frozen norms are computed with their running statistics.
  const usesRunning = statistics.parameters.some(({ name }) => isFrozen(layerOf(name)));
  if (usesRunning) {
    const running = graph.input('statistics', 'float32', [statistics.size]);
    for (const [name, value] of splitFlat(graph, running, statistics)) parameters.set(name, value);
  }
  const scope: TrainingScope = {
    graph,
    layouts: new Layouts(graph, plan.blockSize),
    batch: size,
    plan,
    isFrozen,
    parameters,
    gradients: new Map(),
    batchStatistics: new Map(),
  };
  const images = scaledImages(graph, network, size);
  const targets = graph.input('targets', 'float32', [size, network.classes]);
  const model = sequence(scope, network.layers, images);
  const { loss, accuracy, gradient } = crossEntropy(graph, model.output, targets, batch, network.classes);
  model.backward(gradient, false);
  return {
    gradient: joinFlat(graph, weights, scope.gradients),
    statistics:
      statistics.size > 0
        ? shareOf(graph, joinFlat(graph, statistics, scope.batchStatistics), size / batch)
        : undefined,
    loss,
    accuracy,
  };
}

function shareOf(graph: GraphBuilder, value: Value, share: number): Value {
  return share === 1 ? value : graph.op('Mul', [value, graph.float(share)]);
}

/** The tensors that lie in a flat vector. */
function splitFlat(graph: GraphBuilder, flat: Value, { parameters }: FlatLayout): Map<string, Value> {
  const sizes = parameters.map(({ shape }) => sizeOf(shape));
  const parts = consecutive(graph, flat, sizes);
  return new Map(parameters.map(({ name, shape }, i) => [name, graph.reshape(parts[i]!, shape)]));
}

/**
 * Consecutive parts of a vector. Slices, since one node that splits needs as many buffers at once as it has outputs,
 * and graphics processors limit these (WebGPU promises 8).
 */
function consecutive(graph: GraphBuilder, vector: Value, sizes: readonly number[]): Value[] {
  let end = 0;
  return sizes.map((size) => {
    end += size;
    return graph.slice(vector, [end - size], [end], [0]);
  });
}

/** Zeros stand for what a frozen layer has not computed. */
function joinFlat(graph: GraphBuilder, layout: FlatLayout, values: ReadonlyMap<string, Value>): Value {
  const parts = layout.parameters.map(({ name, shape }) => {
    const value = values.get(name);
    const size = sizeOf(shape);
    return value
      ? graph.reshape(value, [-1])
      : graph.tensor(`zeros:${size}`, [size], () => new Float32Array(size));
  });
  return graph.op('Concat', parts, { axis: 0 });
}

/**
 * Softmax cross-entropy against soft labels, summed and divided by the size of the whole batch, with its gradient
 * (w p - t) / N: w, the sum of a row of targets, is the weight of the sample.
 */
function crossEntropy(graph: GraphBuilder, logits: Value, targets: Value, batch: number, classes: number) {
  const shifted = graph.op('Sub', [logits, graph.op('ReduceMax', [logits], { axes: [1], keepdims: 1 })]);
  const sum = graph.op('ReduceSum', [graph.op('Exp', [shifted]), graph.ints([1])], { keepdims: 1 });
  const logProbabilities = graph.op('Sub', [shifted, graph.op('Log', [sum])]);
  const total = graph.op('ReduceSum', [graph.op('Mul', [targets, logProbabilities])], { keepdims: 0 });
  const loss = graph.op('Mul', [total, graph.float(-1 / batch)]);
  const [predicted, wanted] = [logits, targets].map((value) => firstMaximum(graph, value, classes));
  const hits = graph.op('Cast', [graph.op('Equal', [predicted!, wanted!])], { to: 1 });
  const accuracy = graph.op('Mul', [graph.op('ReduceSum', [hits], { keepdims: 0 }), graph.float(1 / batch)]);
  const weight = graph.op('ReduceSum', [targets, graph.ints([1])], { keepdims: 1 });
  const expected = graph.op('Mul', [graph.op('Exp', [logProbabilities]), weight]);
  const difference = graph.op('Sub', [expected, targets]);
  return { loss, accuracy, gradient: graph.op('Mul', [difference, graph.float(1 / batch)]) };
}

/**
 * The class of the largest value of each row, the first one of equals, as float32 [N]. What ArgMax gives is int64,
 * which graphics processors do not compute with.
 */
function firstMaximum(graph: GraphBuilder, rows: Value, classes: number): Value {
  const isMaximum = graph.op('Equal', [rows, graph.op('ReduceMax', [rows], { axes: [1], keepdims: 1 })]);
  const numbers = graph.tensor('classes', [1, classes], () =>
    Float32Array.from({ length: classes }, (_, i) => i),
  );
  const candidates = graph.op('Where', [isMaximum, numbers, graph.float(classes)]);
  return graph.op('ReduceMin', [candidates], { axes: [1], keepdims: 0 });
}
