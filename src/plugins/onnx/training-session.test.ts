/**
 * What holds for every engine: updates, statistics, evaluation and state of a training session, against closed forms and
 * plain float64 code.
 */
import { describe, expect, it } from 'vitest';
import {
  ADAMW,
  bitsOf,
  engineOptions,
  gradientOptions,
  largestDifference,
  MIXED_MODEL,
  modelOf,
  randomBatch,
  randomState,
} from '../../../test/support/engine.js';
import {
  type Batch,
  type EngineOptions,
  type OptimizerSpec,
  parametersOf,
  resolveNetwork,
  type TrainingState,
} from '../../core/plugin/index.js';
import { plugin as tfjs } from '../tfjs/training-engine.js';
import { plugin as onnx } from './training-engine.js';

const BATCH = 8;
const spec = MIXED_MODEL;
const network = resolveNetwork(spec);
const initial = randomState(network, 1);
const options = (optimizer: OptimizerSpec, more: Partial<EngineOptions> = {}) =>
  engineOptions(BATCH, { optimizer, ...more });
const batchOf = (step: number): Batch => randomBatch(network, BATCH, 100 + step);

/** The rule of one number: from its gradient, weight, decay and step (from 1), with a memory of its own. */
type UpdateRule = (
  memory: number[],
  gradient: number,
  weight: number,
  decay: number,
  step: number,
  rate: number,
) => number;

/** Loshchilov and Hutter, "Decoupled weight decay regularization", algorithm 2, with the decay scaled by the rate. */
const adamwRule: UpdateRule = (memory, gradient, weight, decay, step, rate) => {
  const { beta1, beta2, epsilon } = ADAMW;
  memory[0] = beta1 * (memory[0] ?? 0) + (1 - beta1) * gradient;
  memory[1] = beta2 * (memory[1] ?? 0) + (1 - beta2) * gradient ** 2;
  const [first, second] = [memory[0] / (1 - beta1 ** step), memory[1] / (1 - beta2 ** step)];
  return weight - rate * (first / (Math.sqrt(second) + epsilon) + decay * weight);
};

/** SGD with coupled decay: v = mu v + g, and the step is v, or g + mu v (Nesterov). */
const sgdRule =
  (momentum: number, nesterov: boolean): UpdateRule =>
  (memory, gradient, weight, decay, _step, rate) => {
    const total = gradient + decay * weight;
    memory[0] = momentum * (memory[0] ?? 0) + total;
    return weight - rate * (nesterov ? total + momentum * memory[0] : memory[0]);
  };

describe.each([
  ['onnx', onnx],
  ['tfjs', tfjs],
])('the engine %s', (_name, plugin) => {
  async function gradientsAt(state: TrainingState, batch: Batch): Promise<Map<string, Float32Array>> {
    const session = await plugin.open(spec, gradientOptions(BATCH));
    await session.importState({ ...state, step: 0, optimizer: {} });
    await session.step(batch, { learningRate: 0 });
    const { optimizer } = await session.exportState();
    await session.close();
    return new Map(
      Object.entries(optimizer).map(([name, { data }]) => [name.replace('momentum/', ''), data]),
    );
  }

  describe('optimizers follow their published rules', () => {
    const sgd = (momentum: number, nesterov: boolean): OptimizerSpec => ({
      type: 'sgd',
      momentum,
      nesterov,
      weightDecay: 0.1,
    });
    it.each([
      ['AdamW', ADAMW, adamwRule],
      ['SGD', sgd(0, false), sgdRule(0, false)],
      ['SGD with momentum', sgd(0.9, false), sgdRule(0.9, false)],
      ['SGD with Nesterov momentum', sgd(0.9, true), sgdRule(0.9, true)],
    ] as const)(
      '%s over several steps, without decay of biases and norms',
      async (_name, optimizer, rule) => {
        const session = await plugin.open(spec, options(optimizer));
        await session.importState(initial);
        const weights = new Map(
          parametersOf(network)
            .filter((p) => p.trainable)
            .map((p) => [p.name, Array.from(initial.parameters[p.name]!.data)]),
        );
        const memories = new Map(
          [...weights].map(([name, values]) => [name, values.map((): number[] => [])]),
        );
        for (let step = 1; step <= 4; step++) {
          const learningRate = 0.02 / step;
          const gradients = await gradientsAt(await session.exportState(), batchOf(step));
          await session.step(batchOf(step), { learningRate });
          const { parameters } = await session.exportState();
          for (const [name, values] of weights) {
            const decay = /\.weight$/.test(name) ? 0.1 : 0;
            for (const [i, value] of values.entries())
              values[i] = rule(
                memories.get(name)![i]!,
                gradients.get(name)![i]!,
                value,
                decay,
                step,
                learningRate,
              );
            // Weights of order 1, rounded to 6e-8 at each step; an update of at most 0.02 has a relative error of 1e-6.
            expect(
              largestDifference(parameters[name]!.data, values),
              `${name} after step ${step}`,
            ).toBeLessThan(1e-6);
          }
        }
        await session.close();
      },
    );

    it('clips the gradient to its global norm, and reports the norm before', async () => {
      const gradients = await gradientsAt(initial, batchOf(1));
      const norm = Math.sqrt(
        [...gradients.values()].flatMap((g) => [...g]).reduce((sum, value) => sum + value ** 2, 0),
      );
      for (const clipNorm of [norm / 3, norm * 3]) {
        const session = await plugin.open(spec, { ...gradientOptions(BATCH), clipNorm });
        await session.importState(initial);
        const { gradientNorm } = await session.step(batchOf(1), { learningRate: 0 });
        const { optimizer } = await session.exportState();
        await session.close();
        expect(gradientNorm / norm).toBeCloseTo(1, 5);
        const factor = Math.min(1, clipNorm / norm);
        // 1e-5 relative: the rule adds 1e-6 to the norm so that it never divides by zero.
        for (const [name, gradient] of gradients)
          expect(
            largestDifference(
              optimizer[`momentum/${name}`]!.data,
              gradient.map((value) => value * factor),
            ),
          ).toBeLessThan(1e-5 * norm);
      }
    });
  });

  describe('loss', () => {
    it('of soft labels has its closed form: equal logits give ln(classes), and the bias gets mean(1/classes - target)', async () => {
      const small = modelOf({ height: 3, width: 3, channels: 1 }, 5, [
        { type: 'flatten' },
        { type: 'dense', name: 'head', units: 5 },
      ]);
      const batch = randomBatch(resolveNetwork(small), 4, 9);
      const session = await plugin.open(small, gradientOptions(4));
      const zero = (shape: number[]) => ({ shape, data: new Float32Array(shape.reduce((a, b) => a * b)) });
      await session.importState({
        step: 0,
        parameters: { 'head.weight': zero([9, 5]), 'head.bias': zero([5]) },
        optimizer: {},
        plan: undefined,
      });
      const { loss } = await session.step(batch, { learningRate: 0 });
      const { optimizer } = await session.exportState();
      await session.close();
      expect(loss).toBeCloseTo(Math.log(5), 5);
      const expected = [0, 1, 2, 3, 4].map((k) =>
        [0, 1, 2, 3].reduce((sum, row) => sum + (1 / 5 - batch.targets[row * 5 + k]!) / 4, 0),
      );
      expect(largestDifference(optimizer['momentum/head.bias']!.data, expected)).toBeLessThan(1e-6);
    });

    it('falls while one batch is learnt', async () => {
      const session = await plugin.open(spec, options(ADAMW, { clipNorm: 1 }));
      await session.importState(initial);
      const losses: number[] = [];
      for (let step = 0; step < 30; step++)
        losses.push((await session.step(batchOf(1), { learningRate: 0.01 })).loss);
      await session.close();
      // Soft labels: the loss cannot fall below their entropy, of which the first losses are well above.
      expect(losses.at(-1)!).toBeLessThan(0.7 * losses[0]!);
    });
  });

  describe('batch norm', () => {
    it('keeps running means and unbiased variances, the newest batch weighted by the momentum', async () => {
      const momentum = 0.3;
      const small = modelOf({ height: 4, width: 3, channels: 3 }, 2, [
        { type: 'batchNorm', name: 'norm', momentum },
        { type: 'globalAveragePool' },
        { type: 'dense', units: 2 },
      ]);
      const smallNetwork = resolveNetwork(small);
      const session = await plugin.open(small, gradientOptions(4));
      const state = randomState(smallNetwork, 2);
      await session.importState(state);
      const mean = Array.from(state.parameters['norm.mean']!.data);
      const variance = Array.from(state.parameters['norm.variance']!.data);
      for (let step = 0; step < 4; step++) {
        const batch = randomBatch(smallNetwork, 4, step);
        await session.step(batch, { learningRate: 0.1 });
        for (let channel = 0; channel < 3; channel++) {
          const values = Array.from(
            batch.images.filter((_, i) => i % 3 === channel),
            (value) => value / 255,
          );
          const batchMean = values.reduce((a, b) => a + b) / values.length;
          const batchVariance =
            values.reduce((sum, value) => sum + (value - batchMean) ** 2, 0) / (values.length - 1);
          mean[channel]! += momentum * (batchMean - mean[channel]!);
          variance[channel]! += momentum * (batchVariance - variance[channel]!);
        }
      }
      const { parameters } = await session.exportState();
      await session.close();
      // Values of order 1, each a float32 mean of 48 values.
      expect(largestDifference(parameters['norm.mean']!.data, mean)).toBeLessThan(1e-6);
      expect(largestDifference(parameters['norm.variance']!.data, variance)).toBeLessThan(1e-6);
    });
  });

  describe('evaluation and export', () => {
    it('sees the new weights after an update and after an import', async () => {
      const session = await plugin.open(spec, options(ADAMW));
      await session.importState(initial);
      const { images } = randomBatch(network, 2, 70);
      const before = await session.evaluate(images, 2);
      await session.step(batchOf(1), { learningRate: 0.1 });
      expect(largestDifference(await session.evaluate(images, 2), before)).toBeGreaterThan(1e-4);
      await session.importState(initial);
      expect(await session.evaluate(images, 2)).toEqual(before);
      await session.close();
    });
  });

  describe('a step is a transaction', () => {
    it.each([1e10, 1e38, 3.4e38])(
      'that would give numbers which are not finite, at a learning rate of %d, is not applied',
      async (learningRate) => {
        const session = await plugin.open(
          spec,
          options({ type: 'sgd', momentum: 0.9, nesterov: false, weightDecay: 0 }),
        );
        await session.importState(initial);
        let before = await session.exportState();
        let applied = true;
        for (let step = 1; step <= 20 && applied; step++) {
          before = await session.exportState();
          ({ applied } = await session.step(batchOf(step), { learningRate }));
        }
        expect(applied).toBe(false);
        const after = await session.exportState();
        expect(bitsOf(after)).toEqual(bitsOf(before));
        for (const { data } of Object.values({ ...after.parameters, ...after.optimizer }))
          expect(data.every(Number.isFinite)).toBe(true);
        await session.close();
      },
    );

    it('beyond a limit of the loss or of the gradient norm is not applied, and one within is', async () => {
      const session = await plugin.open(spec, options(ADAMW));
      await session.importState(initial);
      const { loss, gradientNorm } = await session.step(batchOf(1), { learningRate: 0 });
      await session.importState(initial);
      const before = bitsOf(await session.exportState());
      for (const limits of [
        { loss: loss * 0.99, gradientNorm: gradientNorm * 2 },
        { loss: loss * 2, gradientNorm: gradientNorm * 0.99 },
      ]) {
        const metrics = await session.step(batchOf(1), { learningRate: 0.1, limits });
        expect(metrics).toMatchObject({ applied: false, loss, gradientNorm });
        expect(bitsOf(await session.exportState())).toEqual(before);
      }
      const limits = { loss: loss * 1.01, gradientNorm: gradientNorm * 1.01 };
      expect(await session.step(batchOf(1), { learningRate: 0.1, limits })).toMatchObject({ applied: true });
      await session.close();
    });

    it('refuses a batch of another size and a state of another model', async () => {
      const session = await plugin.open(spec, options(ADAMW));
      await expect(session.exportState()).rejects.toMatchObject({ code: 'ROBLE_INTERNAL' });
      await session.importState(initial);
      await expect(session.step(randomBatch(network, 3, 1), { learningRate: 0.1 })).rejects.toMatchObject({
        code: 'ROBLE_INTERNAL',
      });
      const { 'conv1.weight': _left, ...parameters } = initial.parameters;
      await expect(session.importState({ ...initial, parameters })).rejects.toThrow(/conv1\.weight/);
      const untouched = await session.exportState();
      expect(bitsOf({ ...untouched, optimizer: {} })).toEqual(bitsOf(initial));
      await session.close();
    });
  });

  describe('microbatches', () => {
    const withoutNorms = modelOf({ height: 7, width: 6, channels: 1 }, 4, [
      { type: 'conv', filters: 6 },
      { type: 'gelu' },
      { type: 'maxPool' },
      { type: 'flatten' },
      { type: 'dropout', rate: 0.25 },
      { type: 'dense', units: 'classes' },
    ]);
    const plain = resolveNetwork(withoutNorms);

    async function afterSteps(model: typeof spec, size: number, steps = 3) {
      const session = await plugin.open(model, options(ADAMW, { clipNorm: 0.5 }));
      await session.importState(randomState(resolveNetwork(model), 3));
      await session.setMicrobatchSize(size);
      const metrics = [];
      for (let step = 1; step <= steps; step++)
        metrics.push(
          await session.step(randomBatch(resolveNetwork(model), BATCH, step), { learningRate: 0.01 }),
        );
      const state = await session.exportState();
      await session.close();
      return { metrics, state };
    }

    it.each([1, 2, 3, 5, 7])('of %d samples give the update of the whole batch of 8', async (size) => {
      const whole = await afterSteps(withoutNorms, BATCH);
      const parts = await afterSteps(withoutNorms, size);
      for (const [i, { loss, accuracy, gradientNorm }] of parts.metrics.entries()) {
        // The same sums in another order, in float32.
        expect(loss).toBeCloseTo(whole.metrics[i]!.loss, 5);
        expect(accuracy).toBeCloseTo(whole.metrics[i]!.accuracy, 6);
        expect(gradientNorm / whole.metrics[i]!.gradientNorm).toBeCloseTo(1, 5);
      }
      // AdamW's first steps have the size of the rate whatever the gradient: its rounding shows where it is near zero.
      for (const { name } of parametersOf(plain))
        expect(
          largestDifference(parts.state.parameters[name]!.data, whole.state.parameters[name]!.data),
        ).toBeLessThan(2e-4);
    });

    it('of one size give the same bits again, and another size may follow within a run', async () => {
      expect(bitsOf((await afterSteps(spec, 3)).state)).toEqual(bitsOf((await afterSteps(spec, 3)).state));
      const session = await plugin.open(spec, options(ADAMW));
      await session.importState(initial);
      for (const size of [BATCH, 4, 3, BATCH + 5]) {
        await session.setMicrobatchSize(size);
        expect((await session.step(batchOf(size), { learningRate: 0.01 })).applied).toBe(true);
      }
      await session.close();
    });

    it('move the running statistics once a step, to the mean of the parts', async () => {
      const session = await plugin.open(spec, options(ADAMW));
      await session.importState(initial);
      await session.setMicrobatchSize(4);
      await session.step(batchOf(1), { learningRate: 0 });
      const { parameters } = await session.exportState();
      await session.importState(initial);
      await session.setMicrobatchSize(BATCH);
      await session.step(batchOf(1), { learningRate: 0 });
      const whole = await session.exportState();
      await session.close();
      const [first] = Object.keys(parameters).filter((name) => name.endsWith('.mean'));
      // The first norm sees the same values in both, so that the mean of the means is the mean.
      expect(largestDifference(parameters[first!]!.data, whole.parameters[first!]!.data)).toBeLessThan(1e-6);
    });
  });

  describe('the moving average', () => {
    it('follows the weights by its decay, starts at them, and comes back from an exported state', async () => {
      const session = await plugin.open(spec, options(ADAMW, { ema: true }));
      await session.importState(initial);
      const name = 'conv1.weight';
      const expected = Array.from(initial.parameters[name]!.data);
      for (let step = 1; step <= 4; step++) {
        const emaDecay = 0.5 + 0.1 * step;
        await session.step(batchOf(step), { learningRate: 0.05, emaDecay });
        const state = await session.exportState();
        for (const [i, weight] of state.parameters[name]!.data.entries())
          expected[i] = emaDecay * expected[i]! + (1 - emaDecay) * weight;
        expect(largestDifference(state.optimizer[`ema/${name}`]!.data, expected)).toBeLessThan(1e-6);
        await session.importState(state);
      }
      await session.close();
    });
  });

  describe('frozen layers', () => {
    const FROZEN = ['conv1', 'batchNorm1', 'residual1'];
    const isFrozen = (name: string) => FROZEN.some((layer) => name.startsWith(`${layer}.`));

    it('stay as they are, running statistics too, while the others learn', async () => {
      const session = await plugin.open(spec, options(ADAMW, { frozen: FROZEN }));
      await session.importState(initial);
      for (let step = 1; step <= 3; step++) await session.step(batchOf(step), { learningRate: 0.05 });
      const { parameters } = await session.exportState();
      await session.close();
      for (const [name, { data }] of Object.entries(parameters)) {
        const difference = largestDifference(data, initial.parameters[name]!.data);
        if (isFrozen(name)) expect(difference, name).toBe(0);
        else expect(difference, name).toBeGreaterThan(1e-3);
      }
    });

    it('leave the layers before them the gradient through the running statistics', async () => {
      // Behind a frozen norm: the first convolution is trained, the norm after it is not.
      const small = modelOf({ height: 5, width: 5, channels: 2 }, 3, [
        { type: 'conv', filters: 4 },
        { type: 'batchNorm' },
        { type: 'gelu' },
        { type: 'flatten' },
        { type: 'dense', units: 'classes' },
      ]);
      const smallNetwork = resolveNetwork(small);
      const state = randomState(smallNetwork, 5);
      const batch = randomBatch(smallNetwork, BATCH, 6);
      const session = await plugin.open(small, { ...gradientOptions(BATCH), frozen: ['batchNorm1'] });
      await session.importState(state);
      await session.step(batch, { learningRate: 0 });
      const { optimizer } = await session.exportState();
      const gradient = optimizer['momentum/conv1.bias']!.data;
      // Central differences of the loss with the frozen norm; float32 losses of order 1 and a step of 0.01 leave 1e-4.
      for (let i = 0; i < gradient.length; i++) {
        const lossAt = async (shift: number) => {
          const moved = Float32Array.from(state.parameters['conv1.bias']!.data);
          moved[i]! += shift;
          const parameters = { ...state.parameters, 'conv1.bias': { shape: [moved.length], data: moved } };
          await session.importState({ ...state, parameters });
          return (await session.step(batch, { learningRate: 0 })).loss;
        };
        const slope = ((await lossAt(0.01)) - (await lossAt(-0.01))) / 0.02;
        expect(gradient[i]).toBeCloseTo(slope, 3);
      }
      await session.close();
    });
  });

  describe('determinism', () => {
    const run = async (state: TrainingState, first: number, last: number) => {
      const session = await plugin.open(spec, options(ADAMW, { threads: 2, clipNorm: 1, plan: state.plan }));
      await session.importState(state);
      for (let step = first; step <= last; step++) await session.step(batchOf(step), { learningRate: 0.01 });
      const end = await session.exportState();
      await session.close();
      return end;
    };

    it('two sessions give the same bits after five steps', async () => {
      expect(bitsOf(await run(initial, 1, 5))).toEqual(bitsOf(await run(initial, 1, 5)));
    });

    it('an exported state, through JSON for its plan, goes on with the same bits', async () => {
      const whole = await run(initial, 1, 5);
      const half = await run(initial, 1, 3);
      const resumed = await run({ ...half, plan: JSON.parse(JSON.stringify(half.plan)) }, 4, 5);
      expect(resumed.step).toBe(5);
      expect(bitsOf(resumed)).toEqual(bitsOf(whole));
    });
  });
});
