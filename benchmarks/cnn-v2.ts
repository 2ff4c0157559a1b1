/** What the benchmarks of the reference network share: `cnn-v2` on grey pictures of 28x28 in 94 classes, and a batch. */

import { Random } from '../src/core/base/random.js';
import { layersOf } from '../src/core/learning/presets.js';
import { resolveNetwork } from '../src/core/model/network.js';
import { dropoutMaskSpecs, fillDropoutMask, initialParameters } from '../src/core/model/random-tensors.js';
import type { EngineOptions, TrainingEngine, TrainingSession } from '../src/core/plugin/index.js';

const CLASSES = 94;
export const model = {
  input: { height: 28, width: 28, channels: 1 },
  classes: CLASSES,
  layers: layersOf({ preset: 'cnn-v2' }),
};
const network = resolveNetwork(model);

export const optimizer = {
  type: 'adamw',
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.01,
} as const;

export function randomImages(count: number): Uint8Array {
  const random = new Random(0, 'shuffle');
  return new Uint8Array(count * 784).map(() => random.integer(256));
}

/** A session with fresh weights. */
export async function openSession(
  engine: TrainingEngine,
  options: Pick<EngineOptions, 'device' | 'threads' | 'batchSize'>,
): Promise<TrainingSession> {
  const session = await engine.open(model, { ...options, optimizer, clipNorm: 1 });
  await session.importState({
    step: 0,
    parameters: initialParameters(network, 0),
    optimizer: {},
    plan: null,
  });
  return session;
}

/** One training step after the other: forward, backward, clip, AdamW, and the dropout masks, as in PyTorch. */
export function trainingSteps(session: TrainingSession, batchSize: number): () => Promise<unknown> {
  const images = randomImages(batchSize);
  const random = new Random(1, 'shuffle');
  const targets = new Float32Array(batchSize * CLASSES);
  for (let i = 0; i < batchSize; i++) targets[i * CLASSES + random.integer(CLASSES)] = 1;
  const specs = dropoutMaskSpecs(network);
  const masks = Object.fromEntries(specs.map((spec) => [spec.name, new Uint8Array(batchSize * spec.size)]));
  let step = 0;
  return () => {
    for (const spec of specs) fillDropoutMask(masks[spec.name]!, spec, 0, step);
    step++;
    return session.step({ step, count: batchSize, images, targets, masks }, { learningRate: 0.001 });
  };
}
