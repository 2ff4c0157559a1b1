import {
  type Network,
  type OptimizerSpec,
  type ParameterSpec,
  parametersOf,
  sizeOf,
} from '../../core/plugin/index.js';
import { GraphBuilder, type Value } from './graph/builder.js';
import type { TrainingScope } from './lowerings/differentiable.js';
import { sequence } from './lowerings/layers.js';
import type { Plan } from './plan.js';

/** Where each tensor lies in its flat vector. */
export interface FlatLayout {
  readonly parameters: readonly ParameterSpec[];
  readonly size: number;
}

/** The trainable parameters and the running statistics, each as one flat vector: one update instead of one each. */
export function flatLayouts(network: Network): { weights: FlatLayout; statistics: FlatLayout } {
  const layout = (parameters: ParameterSpec[]): FlatLayout => ({
    parameters,
    size: parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
  });
  const all = parametersOf(network);
  return {
    weights: layout(all.filter((p) => p.trainable)),
    statistics: layout(all.filter((p) => !p.trainable)),
  };
}

/** Names of the moments that the optimizer keeps. */
export function optimizerSlots(optimizer: OptimizerSpec): string[] {
  if (optimizer.type === 'adamw') return ['firstMoment', 'secondMoment'];
  return optimizer.momentum > 0 ? ['momentum'] : [];
}

interface StepGraphOptions {
  readonly network: Network;
  readonly batch: number;
  readonly plan: Plan;
  readonly optimizer: OptimizerSpec;
  readonly clipNorm: number;
}

/**
 * One training step as an ONNX model: forward, loss, gradients, clipping, update.
 *
 * Inputs: `images` uint8 [N, H, W, C], `targets` float32 [N, classes], a mask for each dropout layer,
 * `learningRate`, the flat `weights` and `statistics`, the optimizer's slots, and for AdamW its bias corrections.
 * Outputs: the same vectors as `next:...`, and `metrics` float32 [4]: loss, accuracy, gradient norm, and the
 * sum of the absolute values of the new weights and statistics, which is finite only where they all are.
 */
export function buildStepGraph({ network, batch, plan, optimizer, clipNorm }: StepGraphOptions): Uint8Array {
  const graph = new GraphBuilder();
  const { weights, statistics } = flatLayouts(network);
  const images = scaledImages(graph, network, batch);
  const targets = graph.input('targets', 'float32', [batch, network.classes]);
  const flatWeights = graph.input('weights', 'float32', [weights.size]);
  const scope: TrainingScope = {
    graph,
    batch,
    plan,
    parameters: splitFlat(graph, flatWeights, weights),
    gradients: new Map(),
    batchStatistics: new Map(),
  };
  const model = sequence(scope, network.layers, images);
  const { loss, accuracy, gradient } = crossEntropy(graph, model.output, targets, batch);
  model.backward(gradient, false);

  const flatGradient = joinFlat(graph, weights, scope.gradients);
  const norm = graph.op('Sqrt', [graph.op('ReduceSumSquare', [flatGradient], { keepdims: 0 })]);
  const clipped =
    clipNorm > 0 ? graph.op('Mul', [flatGradient, clipFactor(graph, norm, clipNorm)]) : flatGradient;
  const updated = [updateWeights(graph, optimizer, weights, flatWeights, clipped)];
  if (statistics.size > 0) updated.push(updateStatistics(graph, network, statistics, scope.batchStatistics));
  const magnitude = updated
    .map((value) => graph.op('ReduceL1', [value], { keepdims: 0 }))
    .reduce((a, b) => graph.op('Add', [a, b]));
  const metrics = [loss, accuracy, norm, magnitude].map((value) => graph.reshape(value, [1]));
  graph.output(graph.op('Concat', metrics, { axis: 0 }), 'metrics', 'float32', [4]);
  return graph.encode();
}

/** uint8 [N, H, W, C] in 0..255 -> float32 [N, C, H, W] in 0..1. `batch` -1: any number. */
export function scaledImages(graph: GraphBuilder, network: Network, batch: number): Value {
  const { height, width, channels } = network.input;
  const images = graph.input('images', 'uint8', [batch === -1 ? 'N' : batch, height, width, channels]);
  const scaled = graph.op('Mul', [graph.op('Cast', [images], { to: 1 }), graph.float(1 / 255)]);
  return channels === 1
    ? graph.reshape(scaled, [batch, 1, height, width])
    : graph.transpose(scaled, [0, 3, 1, 2]);
}

/** The tensors that lie in a flat vector. */
function splitFlat(graph: GraphBuilder, flat: Value, layout: FlatLayout): Map<string, Value> {
  const sizes = layout.parameters.map(({ shape }) => sizeOf(shape));
  const parts = graph.ops('Split', [flat, graph.ints(sizes)], sizes.length, { axis: 0 });
  return new Map(layout.parameters.map(({ name, shape }, i) => [name, graph.reshape(parts[i]!, shape)]));
}

function joinFlat(graph: GraphBuilder, layout: FlatLayout, values: ReadonlyMap<string, Value>): Value {
  const parts = layout.parameters.map(({ name }) => graph.reshape(values.get(name)!, [-1]));
  return graph.op('Concat', parts, { axis: 0 });
}

/** Softmax cross-entropy against soft labels, the mean over the batch, with its gradient (p - t) / N. */
function crossEntropy(graph: GraphBuilder, logits: Value, targets: Value, batch: number) {
  const shifted = graph.op('Sub', [logits, graph.op('ReduceMax', [logits], { axes: [1], keepdims: 1 })]);
  const sum = graph.op('ReduceSum', [graph.op('Exp', [shifted]), graph.ints([1])], { keepdims: 1 });
  const logProbabilities = graph.op('Sub', [shifted, graph.op('Log', [sum])]);
  const total = graph.op('ReduceSum', [graph.op('Mul', [targets, logProbabilities])], { keepdims: 0 });
  const loss = graph.op('Mul', [total, graph.float(-1 / batch)]);
  const [predicted, wanted] = [logits, targets].map((value) =>
    graph.op('ArgMax', [value], { axis: 1, keepdims: 0 }),
  );
  const hits = graph.op('Cast', [graph.op('Equal', [predicted!, wanted!])], { to: 1 });
  const accuracy = graph.op('ReduceMean', [hits], { keepdims: 0 });
  const difference = graph.op('Sub', [graph.op('Exp', [logProbabilities]), targets]);
  return { loss, accuracy, gradient: graph.op('Mul', [difference, graph.float(1 / batch)]) };
}

/** min(1, limit / norm): Pascanu, Mikolov and Bengio 2013. */
function clipFactor(graph: GraphBuilder, norm: Value, limit: number): Value {
  const ratio = graph.op('Div', [graph.float(limit), graph.op('Add', [norm, graph.float(1e-6)])]);
  return graph.op('Min', [ratio, graph.float(1)]);
}

/** Writes the new weights and moments as outputs; gives the new weights. */
function updateWeights(
  graph: GraphBuilder,
  optimizer: OptimizerSpec,
  layout: FlatLayout,
  weights: Value,
  gradient: Value,
): Value {
  const rate = graph.input('learningRate', 'float32', []);
  const decayed = (factor: Value) =>
    graph.op('Mul', [graph.op('Mul', [weights, decayMask(graph, layout)]), factor]);
  const slot = (name: string) => graph.input(name, 'float32', [layout.size]);
  const keep = (value: Value, name: string) => {
    graph.output(value, `next:${name}`, 'float32', [layout.size]);
    return value;
  };
  if (optimizer.type === 'adamw') {
    const delta = adamDelta(graph, optimizer, slot, keep, gradient);
    const pulled =
      optimizer.weightDecay > 0
        ? graph.op('Sub', [weights, decayed(graph.op('Mul', [rate, graph.float(optimizer.weightDecay)]))])
        : weights;
    return keep(graph.op('Sub', [pulled, graph.op('Mul', [delta, rate])]), 'weights');
  }
  const total =
    optimizer.weightDecay > 0
      ? graph.op('Add', [gradient, decayed(graph.float(optimizer.weightDecay))])
      : gradient;
  return keep(
    graph.op('Sub', [weights, graph.op('Mul', [sgdDelta(graph, optimizer, slot, keep, total), rate])]),
    'weights',
  );
}

/** Loshchilov and Hutter 2019 (AdamW): the step without the rate; the corrections are 1 - beta^t. */
function adamDelta(
  graph: GraphBuilder,
  { beta1, beta2, epsilon }: Extract<OptimizerSpec, { type: 'adamw' }>,
  slot: (name: string) => Value,
  keep: (value: Value, name: string) => Value,
  gradient: Value,
): Value {
  const blend = (old: Value, fresh: Value, beta: number) =>
    graph.op('Add', [
      graph.op('Mul', [old, graph.float(beta)]),
      graph.op('Mul', [fresh, graph.float(1 - beta)]),
    ]);
  const first = keep(blend(slot('firstMoment'), gradient, beta1), 'firstMoment');
  const second = keep(
    blend(slot('secondMoment'), graph.op('Mul', [gradient, gradient]), beta2),
    'secondMoment',
  );
  const unbiased = graph.op('Div', [second, graph.input('correction2', 'float32', [])]);
  const scale = graph.op('Add', [graph.op('Sqrt', [unbiased]), graph.float(epsilon)]);
  return graph.op('Div', [graph.op('Div', [first, graph.input('correction1', 'float32', [])]), scale]);
}

/** SGD with momentum (Sutskever et al. 2013, in the form of the common frameworks): v = mu v + g. */
function sgdDelta(
  graph: GraphBuilder,
  { momentum, nesterov }: Extract<OptimizerSpec, { type: 'sgd' }>,
  slot: (name: string) => Value,
  keep: (value: Value, name: string) => Value,
  gradient: Value,
): Value {
  if (momentum === 0) return gradient;
  const velocity = keep(
    graph.op('Add', [graph.op('Mul', [slot('momentum'), graph.float(momentum)]), gradient]),
    'momentum',
  );
  return nesterov
    ? graph.op('Add', [gradient, graph.op('Mul', [velocity, graph.float(momentum)])])
    : velocity;
}

/** 1 where weight decay applies, 0 on biases and norms. */
function decayMask(graph: GraphBuilder, layout: FlatLayout): Value {
  return graph.tensor('decay', [layout.size], () => flatFill(layout, ({ decay }) => (decay ? 1 : 0)));
}

function flatFill(layout: FlatLayout, valueFor: (parameter: ParameterSpec) => number): Float32Array {
  const flat = new Float32Array(layout.size);
  let offset = 0;
  for (const parameter of layout.parameters) {
    const size = sizeOf(parameter.shape);
    flat.fill(valueFor(parameter), offset, offset + size);
    offset += size;
  }
  return flat;
}

/** running += momentum * (batch - running). */
function updateStatistics(
  graph: GraphBuilder,
  network: Network,
  layout: FlatLayout,
  batch: ReadonlyMap<string, Value>,
): Value {
  const momenta = momentaOf(network.layers);
  const running = graph.input('statistics', 'float32', [layout.size]);
  const share = graph.tensor('momenta', [layout.size], () =>
    flatFill(layout, ({ name }) => momenta.get(name)!),
  );
  const change = graph.op('Mul', [graph.op('Sub', [joinFlat(graph, layout, batch), running]), share]);
  const next = graph.op('Add', [running, change]);
  graph.output(next, 'next:statistics', 'float32', [layout.size]);
  return next;
}

function momentaOf(layers: Network['layers']): Map<string, number> {
  const momenta = new Map<string, number>();
  for (const layer of layers) {
    if (layer.type === 'batchNorm')
      for (const { name } of layer.parameters) momenta.set(name, layer.layer.momentum);
    if (layer.type === 'residual')
      for (const [name, value] of momentaOf([...layer.body, ...layer.projection])) momenta.set(name, value);
  }
  return momenta;
}
