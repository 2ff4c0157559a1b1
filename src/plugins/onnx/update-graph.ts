import type { EngineOptions, Network, OptimizerSpec } from '../../core/plugin/index.js';
import { EMA_SLOT, type FlatLayout, flatLayouts } from '../../engine-kit/flat-layout.js';
import type { GraphBuilder, Value } from '../../engine-kit/onnx/graph.js';
import { decayMask, rateFactors, statisticsMomenta } from '../../engine-kit/step-rules.js';

/** The name of the output that takes the place of a vector. */
export const nextOf = (name: string): string => `next:${name}`;

export interface UpdateOptions {
  readonly network: Network;
  readonly optimizer: OptimizerSpec;
  readonly clipNorm: number;
  readonly ema: boolean;
  /** Whether the parameters of a layer stay as they are. */
  readonly isFrozen: (layer: string) => boolean;
  readonly learningRateFactors?: EngineOptions['learningRateFactors'];
}

/** The result of the forward and backward pass over a whole batch. */
export interface BatchResult {
  /** Flat, of the mean loss. */
  readonly gradient: Value;
  /** Flat statistics of the batch; undefined in a network without running statistics. */
  readonly statistics: Value | undefined;
  readonly loss: Value;
  readonly accuracy: Value;
}

/**
 * Clipping and update. Adds the inputs `learningRate`, the statistics, the slots and the scalars that they need; the
 * outputs are the new vectors as `next:...`, and `metrics` float32 [4]: loss, accuracy, gradient norm, and the sum of
 * the absolute values of the new weights and statistics, which is finite only where they all are.
 */
export function addUpdate(
  graph: GraphBuilder,
  options: UpdateOptions,
  flatWeights: Value,
  { gradient, statistics, loss, accuracy }: BatchResult,
): void {
  const { network, clipNorm, ema } = options;
  const layouts = flatLayouts(network);
  const norm = graph.op('Sqrt', [graph.op('ReduceSumSquare', [gradient], { keepdims: 0 })]);
  const clipped = clipNorm > 0 ? graph.op('Mul', [gradient, clipFactor(graph, norm, clipNorm)]) : gradient;
  const weights = updateWeights(graph, options, layouts.weights, flatWeights, clipped);
  const updated = [weights];
  if (ema) updateAverage(graph, layouts.weights, weights);
  if (statistics) updated.push(updateStatistics(graph, options, layouts.statistics, statistics));
  const magnitude = updated
    .map((value) => graph.op('ReduceL1', [value], { keepdims: 0 }))
    .reduce((a, b) => graph.op('Add', [a, b]));
  const metrics = [loss, accuracy, norm, magnitude].map((value) => graph.reshape(value, [1]));
  graph.output(graph.op('Concat', metrics, { axis: 0 }), 'metrics', 'float32', [4]);
}

/** min(1, limit / norm): Pascanu, Mikolov and Bengio 2013. */
function clipFactor(graph: GraphBuilder, norm: Value, limit: number): Value {
  const ratio = graph.op('Div', [graph.float(limit), graph.op('Add', [norm, graph.float(1e-6)])]);
  return graph.op('Min', [ratio, graph.float(1)]);
}

/** Writes the new weights and moments as outputs; gives the new weights. */
function updateWeights(
  graph: GraphBuilder,
  { optimizer, isFrozen, learningRateFactors }: UpdateOptions,
  layout: FlatLayout,
  weights: Value,
  gradient: Value,
): Value {
  const factors = rateFactors(layout, learningRateFactors);
  const base = graph.input('learningRate', 'float32', []);
  const rate = factors ? graph.op('Mul', [base, graph.tensor('rates', [layout.size], () => factors)]) : base;
  const decayed = (factor: Value) => {
    const mask = graph.tensor('decay', [layout.size], () => decayMask(layout, isFrozen));
    return graph.op('Mul', [graph.op('Mul', [weights, mask]), factor]);
  };
  const slot = (name: string) => graph.input(name, 'float32', [layout.size]);
  const keep = (value: Value, name: string) => {
    graph.output(value, nextOf(name), 'float32', [layout.size]);
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

/** Polyak and Juditsky 1992, with exponential weights: average + (1 - decay) * (weights - average). */
function updateAverage(graph: GraphBuilder, layout: FlatLayout, weights: Value): void {
  const average = graph.input(EMA_SLOT, 'float32', [layout.size]);
  const share = graph.op('Sub', [graph.float(1), graph.input('emaDecay', 'float32', [])]);
  const change = graph.op('Mul', [graph.op('Sub', [weights, average]), share]);
  graph.output(graph.op('Add', [average, change]), nextOf(EMA_SLOT), 'float32', [layout.size]);
}

/** running += momentum * (batch - running). */
function updateStatistics(
  graph: GraphBuilder,
  { network, isFrozen }: UpdateOptions,
  layout: FlatLayout,
  batch: Value,
): Value {
  const running = graph.input('statistics', 'float32', [layout.size]);
  const share = graph.tensor('momenta', [layout.size], () => statisticsMomenta(network, layout, isFrozen));
  const change = graph.op('Mul', [graph.op('Sub', [batch, running]), share]);
  const next = graph.op('Add', [running, change]);
  graph.output(next, nextOf('statistics'), 'float32', [layout.size]);
  return next;
}
