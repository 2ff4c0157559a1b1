/** Training on WebGPU, here on a software adapter: slow, but the same operators and the same memory as on a real GPU. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ModelSpec } from '../src/core/model/spec.js';
import {
  type EngineOptions,
  resolveNetwork,
  type StepMetrics,
  type TensorMap,
  type TrainingSession,
  type TrainingState,
} from '../src/core/plugin/index.js';
import { GraphBuilder } from '../src/engine-kit/onnx/graph.js';
import { plugin } from '../src/plugins/onnx/training-engine.js';
import {
  bitsOf,
  largest,
  largestDifference,
  MIXED_MODEL,
  modelOf,
  randomBatch,
  randomState,
} from './support/engine.js';
import { EngineProcess } from './support/engine-process.js';
import { softwareGpuEnvironment } from './support/software-gpu.js';

const DEVICE = 'webgpu:software';
const BATCH = 8;
const environment = softwareGpuEnvironment();

const spec = MIXED_MODEL;
const network = resolveNetwork(spec);
const initial = randomState(network, 1);
const batchOf = (step: number) => randomBatch(network, BATCH, 100 + step);
const options = (device: string, more: Partial<EngineOptions> = {}): EngineOptions => ({
  device,
  batchSize: BATCH,
  threads: 1,
  optimizer: { type: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 0.01 },
  clipNorm: 1,
  ema: true,
  ...more,
});

// Shaders are compiled and run by the CPU, which other suites keep busy.
describe.skipIf(!environment)('the engine on WebGPU', { timeout: 300_000 }, () => {
  let engine: EngineProcess;
  /** For tests that give it a state of their own: to open one compiles every shader. */
  let shared: TrainingSession;
  beforeAll(async () => {
    engine = new EngineProcess(environment!);
    shared = await engine.open(spec, options(DEVICE));
  });
  afterAll(async () => {
    await shared.close();
    await engine.end();
  });

  const openers = {
    cpu: (model: ModelSpec, more?: Partial<EngineOptions>) => plugin.open(model, options('cpu', more)),
    gpu: (model: ModelSpec, more?: Partial<EngineOptions>) => engine.open(model, options(DEVICE, more)),
  };

  async function train(session: TrainingSession, from: TrainingState, first: number, last: number) {
    await session.importState(from);
    const metrics: StepMetrics[] = [];
    for (let step = first; step <= last; step++)
      metrics.push(await session.step(batchOf(step), { learningRate: 0.02, emaDecay: 0.8 }));
    return { metrics, state: await session.exportState() };
  }

  it('lists the adapter as one that computes in software', async () => {
    expect(await engine.devices()).toContainEqual({
      id: DEVICE,
      description: expect.stringMatching(/SwiftShader/),
      kind: 'gpu',
      software: true,
    });
  });

  /** Of the weights' largest value: both sum a few hundred products in float32, in different orders. */
  const TOLERANCE = 1e-5;

  function expectSame(actual: TensorMap, expected: TensorMap): void {
    expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
    for (const [name, { data }] of Object.entries(expected))
      expect(largestDifference(actual[name]!.data, data), name).toBeLessThan(
        TOLERANCE * Math.max(1, largest(data)),
      );
  }

  it('makes the steps of the CPU: losses, weights, statistics, moments and average', async () => {
    const [cpu, gpu] = [await openers.cpu(spec), shared];
    const [expected, actual] = [await train(cpu, initial, 1, 20), await train(gpu, initial, 1, 20)];
    for (const [i, { loss, accuracy, gradientNorm, applied }] of actual.metrics.entries()) {
      const other = expected.metrics[i]!;
      expect(loss).toBeCloseTo(other.loss, 5);
      expect(accuracy).toBeCloseTo(other.accuracy, 6);
      expect(gradientNorm / other.gradientNorm).toBeCloseTo(1, 5);
      expect(applied).toBe(true);
    }
    expect(actual.state.step).toBe(20);
    expectSame(actual.state.parameters, expected.state.parameters);
    expectSame(actual.state.optimizer, expected.state.optimizer);

    // Evaluation, for any number of images, and the exported model are those of the weights.
    for (const count of [1, 5]) {
      const { images } = randomBatch(network, count, 50 + count);
      expect(
        largestDifference(await gpu.evaluate(images, count), await cpu.evaluate(images, count)),
      ).toBeLessThan(TOLERANCE);
    }
    await cpu.close();
  });

  it('makes a step of the CPU with channels in groups, and numbers of them that its operators get wrong', async () => {
    const model = modelOf({ height: 8, width: 7, channels: 3 }, 4, [
      { type: 'conv', filters: 4, kernel: 1 },
      // Two filters for each channel, with a stride.
      { type: 'conv', filters: 8, groups: 4, stride: 2, padding: [0, 0, 1, 1] },
      { type: 'relu6' },
      // Back from 6 to 8 channels.
      { type: 'conv', filters: 6 },
      { type: 'squeezeExcite', units: 3, activation: 'silu', gate: 'hardSigmoid' },
      // Six outputs of each of two groups, and the way back to them.
      { type: 'conv', filters: 12, groups: 2 },
      { type: 'hardSwish' },
      { type: 'conv', filters: 12, groups: 12 },
      { type: 'conv', filters: 4, groups: 2 },
      { type: 'globalAveragePool' },
      { type: 'dense', units: 'classes' },
    ]);
    const mobile = resolveNetwork(model);
    const states = [];
    for (const open of [openers.cpu, openers.gpu]) {
      const session = await open(model);
      await session.importState(randomState(mobile, 2));
      await session.step(randomBatch(mobile, BATCH, 3), { learningRate: 0.02, emaDecay: 0.8 });
      states.push(await session.exportState());
      await session.close();
    }
    expectSame(states[1]!.parameters, states[0]!.parameters);
    expectSame(states[1]!.optimizer, states[0]!.optimizer);
  });

  it('goes on from its own state with the same bits, and from that of the CPU', async () => {
    const session = shared;
    const whole = await train(session, initial, 1, 4);
    const half = await train(session, initial, 1, 2);
    expect(bitsOf((await train(session, half.state, 3, 4)).state)).toEqual(bitsOf(whole.state));
    const cpu = await openers.cpu(spec);
    const other = await train(cpu, (await train(cpu, initial, 1, 2)).state, 3, 4);
    const mixed = await train(session, (await train(cpu, initial, 1, 2)).state, 3, 4);
    expectSame(mixed.state.parameters, other.state.parameters);
    await cpu.close();
  });

  it('makes the parts of a batch as the CPU does, also when their size changes between steps', async () => {
    const [cpu, gpu] = [await openers.cpu(spec), await openers.gpu(spec)];
    const states = [];
    for (const session of [cpu, gpu]) {
      await session.importState(initial);
      for (const size of [BATCH, 3, 3, BATCH]) {
        await session.setMicrobatchSize(size);
        await session.step(batchOf(size), { learningRate: 0.02, emaDecay: 0.8 });
      }
      states.push(await session.exportState());
      await session.step(batchOf(1), { learningRate: 0.02 });
      // With a state on the device that nobody has read.
      await session.close();
    }
    expectSame(states[1]!.parameters, states[0]!.parameters);
    expectSame(states[1]!.optimizer, states[0]!.optimizer);
  });

  it('keeps its state when a step is not applied', async () => {
    const session = shared;
    const { state } = await train(session, initial, 1, 1);
    const limits = { loss: 1e-6, gradientNorm: 1e6 };
    const { applied } = await session.step(batchOf(2), { learningRate: 0.1, limits });
    expect(applied).toBe(false);
    expect(bitsOf(await session.exportState())).toEqual(bitsOf(state));
    expect((await session.step(batchOf(2), { learningRate: 0.1 })).applied).toBe(true);
  });

  it('refuses a graph of which a part would fall back to the CPU', async () => {
    const graph = new GraphBuilder();
    const [a, b] = ['a', 'b'].map((name) =>
      graph.op('ArgMax', [graph.input(name, 'float32', [4])], { axis: 0, keepdims: 1 }),
    ) as [string, string];
    graph.output(graph.op('Equal', [a, b]), 'same', 'bool', [1]);
    await expect(engine.load(graph.encode(), 'cpu')).resolves.toBeUndefined();
    await expect(engine.load(graph.encode(), DEVICE)).rejects.toThrow(/fallback to CPU EP/);
  });

  it('is refused under the name of a real GPU', async () => {
    await expect(engine.open(spec, options('webgpu'))).rejects.toMatchObject({
      code: 'ROBLE_DEVICE_UNAVAILABLE',
      message: expect.stringMatching(/computes on the CPU/),
    });
  });
});
