/** The two engines are independent of each other: where they agree, the gradients and the rules of both are right. */
import { describe, expect, it } from 'vitest';
import {
  engineOptions,
  largestDifference,
  modelOf,
  randomBatch,
  randomState,
} from '../../../test/support/engine.js';
import { measureParity, PARITY_CASES } from '../../../test/support/parity.js';
import { resolveNetwork, type TrainingState } from '../../core/plugin/index.js';
import { plugin as onnx } from '../onnx/training-engine.js';
import { plugin as tfjs } from './training-engine.js';

describe('twenty steps from the same weights on the same batches', () => {
  // Each engine sums the same float32 products in its own order: a step's loss differs by about 1e-7, its gradients by
  // about 1e-6 of their largest. Twenty steps add these up; AdamW, which divides each gradient by its own size, makes
  // more of the rounding of small ones. Largest measured: 6e-7 for losses, 7e-6 for weights and moments.
  it.each(PARITY_CASES)('$name', async (parityCase) => {
    const { loss, weights, moments, losses } = await measureParity([onnx, tfjs], parityCase);
    expect(losses[0]).not.toBe(losses[1]);
    expect(loss).toBeLessThan(5e-6);
    expect(weights).toBeLessThan(2e-5);
    expect(moments).toBeLessThan(2e-5);
  });
});

const spec = modelOf({ height: 6, width: 5, channels: 3 }, 3, [
  { type: 'conv', filters: 4, bias: false },
  { type: 'batchNorm' },
  { type: 'relu' },
  { type: 'flatten' },
  { type: 'dropout', rate: 0.2 },
  { type: 'dense', units: 'classes' },
]);
const network = resolveNetwork(spec);
const options = engineOptions(8, { clipNorm: 1, ema: true });

/** From a state, through its plan as a checkpoint gives it, over some steps. */
async function train(engine: typeof onnx, state: TrainingState, steps: number): Promise<TrainingState> {
  const session = await engine.open(spec, {
    ...options,
    plan: JSON.parse(JSON.stringify(state.plan ?? null)),
  });
  await session.importState(state);
  for (let i = 0; i < steps; i++)
    await session.step(randomBatch(network, 8, state.step + i), { learningRate: 0.01, emaDecay: 0.8 });
  const end = await session.exportState();
  await session.close();
  return end;
}

describe('the state of one engine', () => {
  it.each([
    ['onnx', 'tfjs', onnx, tfjs],
    ['tfjs', 'onnx', tfjs, onnx],
  ])('%s goes on in %s, with its moments and its moving average', async (_from, _to, one, other) => {
    const initial = randomState(network, 3);
    const whole = await train(one, initial, 8);
    const resumed = await train(other, await train(one, initial, 4), 4);
    expect(resumed.step).toBe(8);
    expect(Object.keys(resumed.optimizer)).toEqual(Object.keys(whole.optimizer));
    for (const [name, { data }] of Object.entries({ ...whole.parameters, ...whole.optimizer })) {
      const { data: actual } = { ...resumed.parameters, ...resumed.optimizer }[name]!;
      // Values of order 1; as above.
      expect(largestDifference(actual, data), name).toBeLessThan(1e-5);
    }
  });

  it('gives the same answers in both, for any number of images', async () => {
    const state = await train(tfjs, randomState(network, 5), 2);
    for (const count of [1, 5]) {
      const answers = [];
      for (const engine of [onnx, tfjs]) {
        const session = await engine.open(spec, options);
        await session.importState(state);
        answers.push(await session.evaluate(randomBatch(network, count, 50).images, count));
        await session.close();
      }
      // Probabilities: a logit's error of 1e-6 gives at most 1e-6; folding adds a few roundings more.
      expect(largestDifference(answers[0]!, answers[1]!)).toBeLessThan(1e-5);
    }
  });

  it('gives the same file in both when it is exported', async () => {
    const state = await train(tfjs, randomState(network, 4), 2);
    const files = [];
    for (const engine of [onnx, tfjs]) {
      const session = await engine.open(spec, options);
      await session.importState(state);
      files.push(await session.exportOnnx({ name: 'parity' }));
      await session.close();
    }
    expect(files[0]!.length).toBeGreaterThan(1000);
    expect(files[1]).toEqual(files[0]);
  });
});
