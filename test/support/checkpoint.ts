import type { Checkpoint } from '../../src/core/learning/training/checkpoints/checkpoint.js';
import { initialProgress } from '../../src/core/learning/training/run/progress.js';

const tensor = (values: number[]) => ({ shape: [values.length], data: Float32Array.from(values) });

const progress = initialProgress({
  run: 'an-id',
  dataFingerprint: '0'.repeat(64),
  memory: { microbatchSize: 16, evaluationBatchSize: 64, evaluationAskedFor: 64, patience: 1 },
  madeOn: { engine: 'onnx', device: 'cpu', threads: 0 },
});

/** A small checkpoint with values that are easily lost: negative, tiny, not a number. */
export function checkpointAt(step: number, anchor = true): Checkpoint {
  return {
    state: {
      step,
      parameters: { 'conv1.weight': tensor([1, -2, 3.5]), 'residual1.conv1.weight': tensor([Number.NaN, 0]) },
      optimizer: { 'firstMoment/conv1.weight': tensor([0.1, 0.2, 0.3]) },
      plan: { threads: 2, convolutions: { conv1: 'plain' } },
    },
    progress: { ...progress, step, current: { ...progress.current, steps: 5, loss: 0.1 + 0.2 }, anchor },
    best: { 'conv1.weight': tensor([4, 5, 6]) },
  };
}
