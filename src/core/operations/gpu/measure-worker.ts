/** The process that tries a device: a crash or a hang of native code takes only this one with it. */
import { answerCalls } from '../../base/process/answer-calls.js';
import { Random } from '../../base/random.js';
import { median } from '../../base/statistics.js';
import { layersOf } from '../../learning/presets.js';
import { resolveNetwork } from '../../model/network.js';
import { dropoutMaskSpecs, fillDropoutMask, initialParameters } from '../../model/random-tensors.js';
import { type Layer, layerSchema, type ModelSpec } from '../../model/spec.js';
import { summarizeModel } from '../../model/summary.js';
import type { Batch, Device, PluginEntry, TrainingEngine, TrainingSession } from '../../plugin/contracts.js';
import { PluginRegistry } from '../../plugin/registry.js';

/** Small, so that the slowest device answers in time; with every kind of operation that presets have. */
const CHECKED: ModelSpec = {
  input: { height: 12, width: 12, channels: 1 },
  classes: 5,
  layers: (
    [
      { type: 'conv', filters: 16, kernel: 3, bias: false },
      { type: 'batchNorm' },
      { type: 'relu' },
      { type: 'residual', layers: [{ type: 'conv', filters: 16, kernel: 3 }, { type: 'batchNorm' }] },
      { type: 'maxPool' },
      { type: 'dropout', rate: 0.2 },
      { type: 'flatten' },
      { type: 'dense', units: 'classes' },
    ] as const
  ).map((layer): Layer => layerSchema.parse(layer)),
};
const CHECKED_STEPS = 3;
const CHECKED_BATCH = 16;

/** The reference network, in batches as they are usual. */
const TIMED: ModelSpec = {
  input: { height: 28, width: 28, channels: 1 },
  classes: 94,
  layers: layersOf({ preset: 'cnn-v2' }),
};
const TIMED_BATCH = 64;
/** How many times as many multiply-adds a step of the timed network has as one of the checked network. */
const TIMED_IN_CHECKED =
  (summarizeModel(TIMED).multiplyAdds * TIMED_BATCH) / (summarizeModel(CHECKED).multiplyAdds * CHECKED_BATCH);
/** A device whose step would take longer is not timed: it is of use for tests at most. */
const MAX_STEP_MS = 30_000;

export type MeasureWorker = typeof start;

answerCalls(start);

function start() {
  return {
    async devices({ engine, plugins }: EngineChoice): Promise<readonly Device[]> {
      return (await loadEngine(engine, plugins)).devices();
    },
    measure,
  };
}

function loadEngine(engine: string, plugins: readonly PluginEntry[]): Promise<TrainingEngine> {
  return new PluginRegistry(plugins).load('training-engine', engine);
}

async function measure(request: MeasureRequest): Promise<Measured> {
  const { device, timedMs } = request;
  const engine = await loadEngine(request.engine, request.plugins);
  const checked = await open(engine, device, CHECKED, CHECKED_BATCH);
  const { values, stepMs } = await compute(checked);
  await checked.session.close();
  const warnings = checked.session.warnings ?? [];
  if (timedMs === undefined || stepMs * TIMED_IN_CHECKED > MAX_STEP_MS) return { values, warnings };
  const timed = await open(engine, device, TIMED, TIMED_BATCH);
  // Made once: what is timed is the device, not the pictures.
  const batch = timed.batch(0);
  const rates = {
    trainImagesPerSecond: await rate(() => timed.session.step(batch, { learningRate: 0.001 }), timedMs),
    inferImagesPerSecond: await rate(() => timed.session.evaluate(batch.images, TIMED_BATCH), timedMs),
  };
  await timed.session.close();
  return { values, ...rates, warnings };
}

interface Opened {
  readonly session: TrainingSession;
  /** A batch of random pictures, the same on every device. */
  readonly batch: (step: number) => Batch;
}

async function open(
  engine: TrainingEngine,
  device: string,
  model: ModelSpec,
  count: number,
): Promise<Opened> {
  const session = await engine.open(model, {
    device,
    batchSize: count,
    threads: 0,
    optimizer: { type: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 },
    clipNorm: 1,
  });
  const network = resolveNetwork(model);
  await session.importState({
    step: 0,
    parameters: initialParameters(network, 0),
    optimizer: {},
    plan: null,
  });
  const { height, width, channels } = model.input;
  const specs = dropoutMaskSpecs(network);
  return {
    session,
    batch(step) {
      const random = new Random(0, 'shuffle', step);
      const targets = new Float32Array(count * model.classes);
      for (let i = 0; i < count; i++) targets[i * model.classes + random.integer(model.classes)] = 1;
      const masks = specs.map((spec) => [spec.name, new Uint8Array(count * spec.size)] as const);
      for (const [i, spec] of specs.entries()) fillDropoutMask(masks[i]![1], spec, 0, step);
      const images = new Uint8Array(count * height * width * channels).map(() => random.integer(256));
      return { step, count, images, targets, masks: Object.fromEntries(masks) };
    },
  };
}

/** What the checked network computes, and how long its fastest step took: a busy machine holds one or the other up. */
async function compute({ session, batch }: Opened): Promise<{ values: ComputedValues; stepMs: number }> {
  const losses: number[] = [];
  let stepMs = Number.POSITIVE_INFINITY;
  for (let step = 0; step < CHECKED_STEPS; step++) {
    const start = performance.now();
    losses.push((await session.step(batch(step), { learningRate: 0.001 })).loss);
    stepMs = Math.min(stepMs, performance.now() - start);
  }
  const probabilities = await session.evaluate(batch(0).images, CHECKED_BATCH);
  return { values: { losses, probabilities }, stepMs };
}

/** Images a second at the median time; the first run, which prepares, does not count. */
async function rate(work: () => Promise<unknown>, timedMs: number): Promise<number> {
  await work();
  const times: number[] = [];
  const started = performance.now();
  do {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  } while (performance.now() - started < timedMs);
  return (TIMED_BATCH / median(times)) * 1000;
}

interface EngineChoice {
  readonly engine: string;
  readonly plugins: readonly PluginEntry[];
}

export interface MeasureRequest extends EngineChoice {
  readonly device: string;
  /** How long each of training and inference is timed, at least; not at all for the device that others are compared with. */
  readonly timedMs?: number;
}

/** What a device computed from given weights and batches. */
export interface ComputedValues {
  /** Of some steps in a row. */
  readonly losses: readonly number[];
  /** After them. */
  readonly probabilities: Float32Array;
}

export interface Measured {
  readonly values: ComputedValues;
  readonly trainImagesPerSecond?: number;
  readonly inferImagesPerSecond?: number;
  readonly warnings: readonly string[];
}
