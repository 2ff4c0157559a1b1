import type { TensorMap } from '../core/base/storage/safetensors.js';
import { type Network, parametersOf, resolveNetwork, sizeOf } from '../core/model/network.js';
import type { LayerInput, ModelSpec } from '../core/model/spec.js';
import type {
  EngineOptions,
  TrainingEngine,
  TrainingSession,
  TrainingState,
} from '../core/plugin/contracts.js';
import { answerOnce } from '../engine-kit/onnx/checked-export.js';
import { plugin as reference } from '../plugins/onnx/training-engine.js';
import { Faults, faultOfProbabilities } from './faults.js';
import {
  ADAMW,
  bitsOf,
  engineOptions,
  largestDifference,
  randomBatch,
  randomState,
  smallModel,
} from './small-model.js';

export interface TrainingEngineChecks {
  /** Default: the first one that it has. */
  readonly device?: string;
  /** Layers of the network, for an engine that does not know all; by default nearly every kind. */
  readonly layers?: readonly LayerInput[];
}

const BATCH = 8;

/** The ways to train that an engine has to know. A large epsilon keeps tiny gradients from deciding an update of AdamW. */
const WAYS: readonly {
  readonly name: string;
  readonly options: Partial<EngineOptions>;
  readonly microbatch?: number;
}[] = [
  {
    name: 'plain SGD',
    options: { optimizer: { type: 'sgd', momentum: 0, nesterov: false, weightDecay: 0 } },
  },
  {
    name: 'SGD with Nesterov momentum, weight decay and clipping',
    options: { optimizer: { type: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 0.1 }, clipNorm: 0.1 },
  },
  {
    name: 'AdamW with a moving average, in parts of 3 samples',
    options: { optimizer: { ...ADAMW, epsilon: 0.01 }, ema: true },
    microbatch: 3,
  },
];

/**
 * Tries a training engine on a small network: the loss falls; the same seed gives the same bits; a state that was exported
 * goes on with the same bits; a step that is not applied changes nothing; frozen layers stay; each optimizer makes the update
 * that the engine `onnx` makes; and the exported model answers as the session does.
 *
 * @throws {RobleError} `ROBLE_PLUGIN_INVALID` with all that is wrong
 * @example
 * test('my-engine', () => assertTrainingEngine(plugin));
 */
export async function assertTrainingEngine(
  plugin: TrainingEngine,
  { device: wanted, layers }: TrainingEngineChecks = {},
): Promise<void> {
  const faults = Faults.of('training-engine', plugin);
  const devices = (await faults.attempt('devices', () => plugin.devices())) ?? [];
  faults.check(devices.length > 0, '"devices" gives none');
  faults.check(
    new Set(devices.map(({ id }) => id)).size === devices.length,
    'two of its devices have one id',
  );
  const device = wanted ?? devices[0]?.id;
  if (device !== undefined) {
    const model = smallModel(layers);
    const trial: Trial = { faults, plugin, device, model, network: resolveNetwork(model) };
    for (const [what, part] of Object.entries(PARTS)) await faults.attempt(what, () => part(trial));
    for (const way of WAYS) await faults.attempt(`a session with ${way.name}`, () => tryUpdate(trial, way));
  }
  faults.throwIfAny();
}

interface Trial {
  readonly faults: Faults;
  readonly plugin: TrainingEngine;
  readonly device: string;
  readonly model: ModelSpec;
  readonly network: Network;
}

const PARTS: Readonly<Record<string, (trial: Trial) => Promise<void>>> = {
  'a session that learns one batch': tryLearning,
  'a session that is repeated, or resumed,': tryRepeating,
  'a session with a refused step': tryRefusedStep,
  'a session with a frozen layer': tryFrozen,
  'a session that is evaluated and exported': tryAnswers,
};

/** Does some work in a session that begins with a random state, and closes it. */
async function inSession<T>(
  { plugin, device, model, network }: Trial,
  work: (session: TrainingSession) => Promise<T>,
  options: Partial<EngineOptions> = {},
  state: TrainingState = randomState(network, 1),
): Promise<T> {
  const session = await plugin.open(model, engineOptions(BATCH, { device, plan: state.plan, ...options }));
  try {
    await session.importState(state);
    return await work(session);
  } finally {
    await session.close();
  }
}

async function tryLearning(trial: Trial): Promise<void> {
  const { faults, network } = trial;
  const batch = randomBatch(network, BATCH, 1);
  // Hard labels, whose loss can fall to nothing.
  batch.targets.fill(0);
  for (let row = 0; row < BATCH; row++) batch.targets[row * network.classes + (row % network.classes)] = 1;
  await inSession(
    trial,
    async (session) => {
      const losses: number[] = [];
      for (let step = 0; step < 40; step++) {
        const { loss, accuracy, gradientNorm, applied } = await session.step(batch, { learningRate: 0.02 });
        faults.check(
          [loss, accuracy, gradientNorm].every(Number.isFinite) && accuracy >= 0 && accuracy <= 1,
          'the metrics of a step are no numbers, or its accuracy is no share',
        );
        faults.check(applied, 'a step that is within its limits is not applied');
        losses.push(loss);
      }
      faults.check(
        losses.at(-1)! < 0.7 * losses[0]!,
        `the loss does not fall while one batch is learnt: it is ${losses[0]}, and ${losses.at(-1)} after 40 steps`,
      );
      checkState(trial, await session.exportState(), 40);
    },
    { clipNorm: 1 },
  );
}

function checkState({ faults, network }: Trial, state: TrainingState, steps: number): void {
  faults.check(state.step === steps, `its state says ${state.step} steps after ${steps}`);
  for (const { name, shape } of parametersOf(network)) {
    const tensor = state.parameters[name];
    faults.check(tensor !== undefined, `its state lacks "${name}"`);
    faults.check(
      !tensor || (tensor.data.length === sizeOf(shape) && tensor.shape.join() === shape.join()),
      `"${name}" of its state is not of the shape ${shape.join('x')}`,
    );
  }
  const values = Object.values({ ...state.parameters, ...state.optimizer });
  faults.check(
    values.every(({ data }) => data.every(Number.isFinite)),
    'its state holds what is no number',
  );
}

/** Steps `from` to `to` with batches of their own. */
async function train(session: TrainingSession, network: Network, from: number, to: number): Promise<void> {
  for (let step = from; step <= to; step++)
    await session.step(randomBatch(network, BATCH, 100 + step), { learningRate: 0.01, emaDecay: 0.9 });
}

async function tryRepeating(trial: Trial): Promise<void> {
  const { faults, network } = trial;
  for (const { name, options } of WAYS) {
    const whole = await inSession(
      trial,
      async (session) => {
        await train(session, network, 1, 3);
        const middle = copyOf(await session.exportState());
        await train(session, network, 4, 6);
        return { middle, end: await session.exportState() };
      },
      options,
    );
    const { plan } = whole.middle;
    const again = await inSession(
      trial,
      async (session) => {
        await train(session, network, 1, 6);
        return session.exportState();
      },
      options,
      { ...randomState(network, 1), plan },
    );
    const resumed = await inSession(
      trial,
      async (session) => {
        await train(session, network, 4, 6);
        return session.exportState();
      },
      options,
      whole.middle,
    );
    const wanted = JSON.stringify(bitsOf(whole.end));
    faults.check(
      JSON.stringify(bitsOf(again)) === wanted,
      `with ${name}, the same seed and plan do not give the same bits`,
    );
    faults.check(
      JSON.stringify(bitsOf(resumed)) === wanted,
      `with ${name}, a state that was exported and imported does not go on with the same bits`,
    );
  }
}

/** As a checkpoint keeps it. */
const copyOf = ({ plan, ...state }: TrainingState): TrainingState => ({
  ...structuredClone(state),
  plan: plan === undefined ? undefined : JSON.parse(JSON.stringify(plan)),
});

async function tryRefusedStep(trial: Trial): Promise<void> {
  const { faults, network } = trial;
  await inSession(trial, async (session) => {
    await train(session, network, 1, 1);
    const before = JSON.stringify(bitsOf(await session.exportState()));
    for (const limits of [
      { loss: 1e-9, gradientNorm: 1e9 },
      { loss: 1e9, gradientNorm: 1e-9 },
    ]) {
      const batch = randomBatch(network, BATCH, 7);
      const { applied } = await session.step(batch, { learningRate: 0.1, limits });
      faults.check(!applied, 'a step beyond a limit of the loss or the gradient norm is applied');
    }
    faults.check(
      JSON.stringify(bitsOf(await session.exportState())) === before,
      'a step that is not applied changes the state',
    );
  });
}

async function tryFrozen(trial: Trial): Promise<void> {
  const { faults, network } = trial;
  const first = parametersOf(network).find(({ trainable }) => trainable)!.name;
  const layer = first.slice(0, first.lastIndexOf('.'));
  const { parameters } = randomState(network, 1);
  const trained = await inSession(
    trial,
    async (session) => {
      await train(session, network, 1, 2);
      return session.exportState();
    },
    { frozen: [layer] },
  );
  faults.check(
    Object.entries(parameters).every(
      ([name, { data }]) =>
        !name.startsWith(`${layer}.`) || largestDifference(data, trained.parameters[name]!.data) === 0,
    ),
    `the frozen layer "${layer}" changes`,
  );
}

/** Probabilities may be so far from those of the exported model. */
const EXPORT_TOLERANCE = 1e-4;

async function tryAnswers(trial: Trial): Promise<void> {
  const { faults, network } = trial;
  await inSession(trial, async (session) => {
    await train(session, network, 1, 2);
    const onnx = await session.exportOnnx({ maker: 'roble/testing' });
    for (const count of [1, 5, BATCH + 3]) {
      const { images } = randomBatch(network, count, count);
      const answer = await session.evaluate(images, count);
      const fault = faultOfProbabilities(answer, count, network.classes);
      if (fault) return faults.add(`evaluate with ${count} pictures gives ${fault}`);
      const exported = await answerOnce(network, onnx, { threads: 1 })(images, count);
      const difference = largestDifference(answer, exported);
      faults.check(
        difference <= EXPORT_TOLERANCE,
        `the exported model answers otherwise than the session: by ${difference}`,
      );
    }
  });
}

/** Numbers of two engines may differ by so much of the largest number of their kind: they add in another order. */
const UPDATE_TOLERANCE = 1e-3;

/** Whether three steps leave what the engine `onnx` leaves. */
async function tryUpdate(trial: Trial, { name, options, microbatch }: (typeof WAYS)[number]): Promise<void> {
  const { faults, network } = trial;
  const outcome = (by: Trial) =>
    inSession(
      by,
      async (session) => {
        if (microbatch !== undefined) await session.setMicrobatchSize(microbatch);
        await train(session, network, 1, 2);
        const batch = randomBatch(network, BATCH, 103);
        const metrics = await session.step(batch, { learningRate: 0.01, emaDecay: 0.9 });
        return { metrics, state: copyOf(await session.exportState()) };
      },
      options,
    );
  const own = await outcome(trial);
  const right = await outcome({ ...trial, plugin: reference, device: 'cpu' });
  for (const metric of ['loss', 'accuracy', 'gradientNorm'] as const)
    faults.check(
      isNear([own.metrics[metric]], [right.metrics[metric]], Math.abs(right.metrics[metric])),
      `with ${name}, the ${metric} of the third step is ${own.metrics[metric]}; the engine "onnx" has ${right.metrics[metric]}`,
    );
  for (const part of ['parameters', 'optimizer'] as const) {
    const [tensors, wanted] = [own.state[part], right.state[part]];
    const names = (map: object) => Object.keys(map).sort().join(', ');
    faults.check(
      names(tensors) === names(wanted),
      `with ${name}, the ${part} of its state are ${names(tensors) || 'none'}; those of the engine "onnx" are ${names(wanted) || 'none'}`,
    );
    for (const [tensor, { data }] of Object.entries(wanted))
      faults.check(
        !tensors[tensor] || isNear(tensors[tensor].data, data, largestOf(wanted, kindOf(tensor))),
        `with ${name}, "${tensor}" of the ${part} is not what the engine "onnx" has after three steps`,
      );
  }
}

function isNear(a: ArrayLike<number>, b: ArrayLike<number>, largest: number): boolean {
  return a.length === b.length && largestDifference(a, b) <= UPDATE_TOLERANCE * largest;
}

/** The slot of a tensor of the optimizer. Of some gradients nothing but rounding is left, as before a batch norm. */
const kindOf = (name: string): string => (name.includes('/') ? name.slice(0, name.indexOf('/') + 1) : '');

function largestOf(tensors: TensorMap, kind: string): number {
  const own = Object.entries(tensors).filter(([name]) => name.startsWith(kind));
  return Math.max(...own.map(([, { data }]) => largestDifference(data, new Float32Array(data.length))));
}
