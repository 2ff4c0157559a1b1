import type { Scalar, Tensor, Tensor2D } from '@tensorflow/tfjs';
import { type Batch, type Network, type ResolvedDropout, sizeOf } from '../../core/plugin/index.js';
import { type FlatLayout, layerOf } from '../../engine-kit/flat-layout.js';
import { batchPart } from '../../engine-kit/step-rules.js';
import { applyLayers, scaledImages } from './layers.js';
import type { TensorFlow } from './tensorflow.js';

/** What a session computes with. */
export interface StepContext {
  readonly tf: TensorFlow;
  readonly network: Network;
  readonly layouts: { readonly weights: FlatLayout; readonly statistics: FlatLayout };
  readonly isFrozen: (layer: string) => boolean;
  /** Samples of the whole batch, over which the loss is the mean. */
  readonly batchSize: number;
}

/** The result of the forward and backward pass over a whole batch. */
export interface BatchResult {
  /** Flat, of the mean loss. */
  readonly gradient: Tensor;
  /** Flat statistics of the batch; undefined in a network without running statistics. */
  readonly statistics: Tensor | undefined;
  readonly loss: Tensor;
  readonly accuracy: Tensor;
}

/** The flat vectors of the session: `weights`, and `statistics` where there are any. */
export type FlatState = Readonly<Record<string, Tensor>>;

/** Forward and backward over a batch, in parts of at most `size` samples, each freed before the next. Within a tidy. */
export function batchGradient(
  context: StepContext,
  state: FlatState,
  batch: Batch,
  size: number,
): BatchResult {
  const { tf, network, layouts } = context;
  let sum: Tensor | undefined;
  for (let start = 0; start < batch.count; start += size) {
    const samples = batchPart(network, batch, start, Math.min(start + size, batch.count));
    const part = partGradient(context, state, samples);
    const before = sum;
    sum = before ? tf.add(before, part) : part;
    if (before) tf.dispose([before, part]);
  }
  const { weights, statistics } = layouts;
  const hasStatistics = statistics.size > 0;
  const sizes = [weights.size, ...(hasStatistics ? [statistics.size] : []), 1, 1];
  const parts = tf.split(sum!, sizes);
  return {
    gradient: parts[0]!,
    statistics: hasStatistics ? parts[1] : undefined,
    loss: parts.at(-2)!,
    accuracy: parts.at(-1)!,
  };
}

/** What some samples of a batch add to its result: gradient, statistics, loss and accuracy in one vector. */
function partGradient(context: StepContext, state: FlatState, part: Batch): Tensor {
  const { tf, network, layouts, isFrozen, batchSize } = context;
  const statistics = new Map<string, Tensor>();
  let logits: Tensor | undefined;
  try {
    return tf.tidy(() => {
      const parameters = parametersIn(context, state);
      const images = scaledImages(tf, network, part.images, part.count);
      const targets = tf.tensor2d(part.targets, [part.count, network.classes]);
      const mask = (layer: ResolvedDropout) => maskOf(tf, part, layer);
      // What is not its result is freed by the tape, unless it is kept.
      const observe = (name: string, value: Tensor) => statistics.set(name, tf.keep(value));
      const lossOf = (): Scalar => {
        const scope = { tf, parameters, training: { isFrozen, mask, observe } };
        logits = tf.keep(applyLayers(scope, network.layers, images));
        return tf.div(tf.neg(tf.sum(tf.mul(targets, tf.logSoftmax(logits)))), batchSize);
      };
      const trained = layouts.weights.parameters.filter(({ name }) => !isFrozen(layerOf(name)));
      const { value, grads } = tf.valueAndGrads(lossOf)(trained.map(({ name }) => parameters.get(name)!));
      const gradients = new Map(trained.map(({ name }, i) => [name, grads[i]!]));
      const share = part.count / batchSize;
      return tf.concat([
        joinFlat(tf, layouts.weights, gradients),
        ...(layouts.statistics.size > 0 ? [tf.mul(joinFlat(tf, layouts.statistics, statistics), share)] : []),
        tf.reshape(value, [1]),
        tf.reshape(tf.div(hits(tf, logits as Tensor2D, targets), batchSize), [1]),
      ]);
    });
  } catch (error) {
    freeTape(tf);
    throw error;
  } finally {
    tf.dispose([...statistics.values(), ...(logits ? [logits] : [])]);
  }
}

/** TensorFlow.js frees what its tape holds, the activations, only at the end of a backward pass that succeeds. */
function freeTape(tf: TensorFlow): void {
  const { state } = tf.engine();
  for (const { saved } of state.activeTape ?? []) tf.dispose(saved ?? []);
  state.activeTape = [];
}

/** The parameters and running statistics of a state, by name. */
export function parametersIn({ tf, layouts }: StepContext, state: FlatState): Map<string, Tensor> {
  const parameters = splitFlat(tf, layouts.weights, state.weights!);
  if (state.statistics)
    for (const [name, value] of splitFlat(tf, layouts.statistics, state.statistics))
      parameters.set(name, value);
  return parameters;
}

function maskOf(tf: TensorFlow, { count, masks }: Batch, { name, input }: ResolvedDropout): Tensor {
  // As booleans, which are bytes, so that nothing is copied before the cast to float.
  return tf.cast(tf.tensor(masks[name]!, [count, ...input], 'bool'), 'float32');
}

/** How many of the most probable classes are the targets'. */
function hits(tf: TensorFlow, logits: Tensor2D, targets: Tensor2D): Tensor {
  return tf.sum(tf.cast(tf.equal(tf.argMax(logits, 1), tf.argMax(targets, 1)), 'float32'));
}

/** The tensors that lie in a flat vector, by name. */
function splitFlat(tf: TensorFlow, layout: FlatLayout, flat: Tensor): Map<string, Tensor> {
  const sizes = layout.parameters.map(({ shape }) => sizeOf(shape));
  const parts = tf.split(flat, sizes);
  return new Map(layout.parameters.map(({ name, shape }, i) => [name, tf.reshape(parts[i]!, [...shape])]));
}

/** The inverse of {@link splitFlat}; zeros stand for missing tensors. */
function joinFlat(tf: TensorFlow, layout: FlatLayout, values: ReadonlyMap<string, Tensor>): Tensor {
  return tf.concat(
    layout.parameters.map(({ name, shape }) => {
      const value = values.get(name);
      return value ? tf.reshape(value, [-1]) : tf.zeros([sizeOf(shape)]);
    }),
  );
}
