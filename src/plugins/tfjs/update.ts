import type { Tensor } from '@tensorflow/tfjs';
import type { OptimizerSpec } from '../../core/plugin/index.js';
import { EMA_SLOT } from '../../engine-kit/flat-layout.js';
import type { StepScalars } from '../../engine-kit/step-rules.js';
import type { BatchResult, FlatState } from './batch-gradient.js';
import type { TensorFlow } from './tensorflow.js';

export interface UpdateContext {
  readonly tf: TensorFlow;
  readonly optimizer: OptimizerSpec;
  readonly clipNorm: number;
  /** Flat, as the weights: 1 where weight decay applies. */
  readonly decay: Tensor;
  /** Flat, as the weights: what multiplies the learning rate; undefined: nothing. */
  readonly rates: Tensor | undefined;
  /** Flat, as the statistics: how far the running ones move to those of a batch. */
  readonly momenta: Tensor | undefined;
}

export interface Update {
  /** Loss, accuracy, gradient norm, and a sum that is finite only where the new weights and statistics all are. */
  readonly numbers: Tensor;
  /** The new vectors of the state. */
  readonly next: Record<string, Tensor>;
}

/** Clipping and update: the rules of the engine `onnx`, in its order (plugins/onnx/update-graph.ts). Within a tidy. */
export function updateState(
  context: UpdateContext,
  state: FlatState,
  { gradient, statistics, loss, accuracy }: BatchResult,
  scalars: StepScalars,
): Update {
  const { tf, clipNorm, momenta } = context;
  const norm = tf.sqrt(tf.sum(tf.square(gradient)));
  const clipped =
    clipNorm > 0 ? tf.mul(gradient, tf.minimum(tf.div(clipNorm, tf.add(norm, 1e-6)), 1)) : gradient;
  const next = updateWeights(context, state, clipped, scalars);
  if (statistics && momenta) next.statistics = towards(tf, state.statistics!, statistics, momenta);
  if (state[EMA_SLOT])
    next[EMA_SLOT] = towards(tf, state[EMA_SLOT], next.weights!, tf.scalar(1 - scalars.emaDecay));
  const checked = [next.weights!, ...(next.statistics ? [next.statistics] : [])];
  const magnitude = checked.map((value) => tf.sum(tf.abs(value))).reduce((a, b) => tf.add(a, b));
  const numbers = tf.concat([loss, accuracy, tf.reshape(norm, [1]), tf.reshape(magnitude, [1])]);
  return { numbers, next };
}

/** old + share * (target - old). */
function towards(tf: TensorFlow, old: Tensor, target: Tensor, share: Tensor): Tensor {
  return tf.add(old, tf.mul(tf.sub(target, old), share));
}

/** The new weights and moments. */
function updateWeights(
  context: UpdateContext,
  state: FlatState,
  gradient: Tensor,
  scalars: StepScalars,
): Record<string, Tensor> {
  const { tf, optimizer, decay, rates } = context;
  const learningRate = rates ? tf.mul(rates, scalars.learningRate) : tf.scalar(scalars.learningRate);
  const weights = state.weights!;
  const decayed = (factor: Tensor | number): Tensor => tf.mul(tf.mul(weights, decay), factor);
  if (optimizer.type === 'adamw') {
    const { delta, moments } = adamStep(tf, optimizer, state, gradient, scalars);
    // Loshchilov and Hutter 2019: the decay is the weights' own, not the gradient's.
    const pulled =
      optimizer.weightDecay > 0
        ? tf.sub(weights, decayed(tf.mul(learningRate, optimizer.weightDecay)))
        : weights;
    return { ...moments, weights: tf.sub(pulled, tf.mul(delta, learningRate)) };
  }
  const total = optimizer.weightDecay > 0 ? tf.add(gradient, decayed(optimizer.weightDecay)) : gradient;
  const { delta, moments } = sgdStep(tf, optimizer, state, total as Tensor);
  return { ...moments, weights: tf.sub(weights, tf.mul(delta, learningRate)) };
}

interface Step {
  /** What the learning rate multiplies. */
  readonly delta: Tensor;
  readonly moments: Record<string, Tensor>;
}

function adamStep(
  tf: TensorFlow,
  { beta1, beta2, epsilon }: Extract<OptimizerSpec, { type: 'adamw' }>,
  state: FlatState,
  gradient: Tensor,
  { correction1, correction2 }: StepScalars,
): Step {
  const blend = (old: Tensor, fresh: Tensor, beta: number): Tensor =>
    tf.add(tf.mul(old, beta), tf.mul(fresh, 1 - beta));
  const firstMoment = blend(state.firstMoment!, gradient, beta1);
  const secondMoment = blend(state.secondMoment!, tf.square(gradient), beta2);
  const scale = tf.add(tf.sqrt(tf.div(secondMoment, correction2)), epsilon);
  return { delta: tf.div(tf.div(firstMoment, correction1), scale), moments: { firstMoment, secondMoment } };
}

/** Sutskever et al. 2013, in the form of the common frameworks: v = mu v + g. */
function sgdStep(
  tf: TensorFlow,
  { momentum, nesterov }: Extract<OptimizerSpec, { type: 'sgd' }>,
  state: FlatState,
  gradient: Tensor,
): Step {
  if (momentum === 0) return { delta: gradient, moments: {} };
  const velocity: Tensor = tf.add(tf.mul(state.momentum!, momentum), gradient);
  const delta: Tensor = nesterov ? tf.add(gradient, tf.mul(velocity, momentum)) : velocity;
  return { delta, moments: { momentum: velocity } };
}
