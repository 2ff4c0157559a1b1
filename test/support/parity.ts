/** The same steps on two engines: how far losses and weights come to lie from each other. */
import {
  type EngineOptions,
  type OptimizerSpec,
  parametersOf,
  resolveNetwork,
  type StepHyperparameters,
  type TensorMap,
  type TrainingEngine,
} from '../../src/core/plugin/index.js';
import {
  engineOptions,
  type LayerInput,
  largest,
  largestDifference,
  modelOf,
  randomBatch,
  randomState,
} from './engine.js';

const PARITY_STEPS = 20;
const BATCH = 8;

interface ParityCase {
  readonly name: string;
  readonly options?: Partial<EngineOptions>;
  readonly layers?: readonly LayerInput[];
  readonly microbatchSize?: number;
  /** Weight of a sample by its most probable class; by default all count the same. */
  readonly classWeights?: readonly number[];
}

export interface ParityFigures {
  readonly name: string;
  /** Largest relative difference of two losses. */
  readonly loss: number;
  /** Largest difference of two weights, moving averages or running statistics, over the largest value of its tensor. */
  readonly weights: number;
  /** The same of the moments. */
  readonly moments: number;
  /** Loss of the first and of the last step. */
  readonly losses: readonly [number, number];
}

const sgd = (momentum: number, nesterov: boolean): OptimizerSpec => ({
  type: 'sgd',
  momentum,
  nesterov,
  weightDecay: 0.01,
});

/**
 * Nearly every kind of layer; padding that is not symmetric (even kernels, stride 2 over even sides). The convolutions before
 * norms have no bias, as in all presets: its gradient is zero in exact arithmetic, and AdamW makes steps of the size of
 * the learning rate out of the sign of its rounding. They change no answer.
 */
const MIXED: readonly LayerInput[] = [
  { type: 'conv', filters: 5, kernel: [4, 3], bias: false },
  { type: 'batchNorm', momentum: 0.2 },
  { type: 'relu' },
  { type: 'maxPool', size: 3, stride: 2, padding: 'same' },
  { type: 'conv', filters: 6, kernel: 2 },
  { type: 'silu' },
  { type: 'averagePool', size: 2, stride: 1, padding: 'same' },
  { type: 'dropout', rate: 0.2 },
  { type: 'flatten' },
  { type: 'dense', units: 10, bias: false },
  { type: 'batchNorm' },
  { type: 'gelu' },
  { type: 'dropout', rate: 0.3 },
  { type: 'dense', units: 'classes' },
];

const conv = (filters: number, stride = 1): LayerInput => ({ type: 'conv', filters, stride, bias: false });
const RESIDUAL: readonly LayerInput[] = [
  conv(5),
  { type: 'batchNorm' },
  { type: 'relu' },
  { type: 'residual', layers: [conv(5), { type: 'batchNorm' }, { type: 'silu' }] },
  { type: 'residual', layers: [conv(6, 2), { type: 'batchNorm' }, { type: 'gelu' }, conv(6)] },
  { type: 'globalAveragePool' },
  { type: 'dense', units: 'classes' },
];

/** Channels that fill the blocks of the runtime on the CPU. */
const BLOCKS: readonly LayerInput[] = [
  conv(16),
  { type: 'batchNorm', momentum: 0.2 },
  { type: 'relu' },
  conv(32),
  { type: 'batchNorm' },
  { type: 'relu' },
  { type: 'maxPool' },
  { type: 'dropout', rate: 0.2 },
  { type: 'residual', layers: [conv(32), { type: 'batchNorm' }, { type: 'gelu' }] },
  { type: 'relu' },
  { type: 'globalAveragePool' },
  { type: 'dense', units: 'classes' },
];

/** What mobile networks are made of. */
const MOBILE: readonly LayerInput[] = [
  conv(16),
  { type: 'batchNorm' },
  { type: 'relu6' },
  {
    type: 'residual',
    layers: [
      { type: 'conv', filters: 16, groups: 16, stride: 2, padding: [0, 0, 1, 1], bias: false },
      { type: 'batchNorm' },
      { type: 'hardSwish' },
      { type: 'squeezeExcite', units: 4, activation: 'silu', gate: 'hardSigmoid' },
      { type: 'conv', filters: 12, kernel: 1, groups: 4, bias: false },
      { type: 'batchNorm' },
    ],
    shortcut: [
      { type: 'averagePool', padding: [0, 0, 1, 0], countPadding: true },
      { type: 'conv', filters: 12, kernel: 1, bias: false },
    ],
  },
  { type: 'globalAveragePool' },
  { type: 'dense', units: 'classes' },
];

export const PARITY_CASES: readonly ParityCase[] = [
  { name: 'AdamW, clipped', options: { clipNorm: 0.5 } },
  { name: 'SGD', options: { optimizer: sgd(0, false) } },
  { name: 'SGD with momentum', options: { optimizer: sgd(0.9, false), clipNorm: 1 } },
  { name: 'SGD with Nesterov momentum', options: { optimizer: sgd(0.9, true), clipNorm: 1 } },
  // Not of the mixed layers: a norm on vectors gives plus and minus one for the two samples of the last part.
  {
    name: 'microbatches of 3, residual blocks',
    microbatchSize: 3,
    layers: RESIDUAL,
    options: { clipNorm: 1 },
  },
  { name: 'moving average of the weights', options: { ema: true } },
  { name: 'frozen norms', options: { frozen: ['batchNorm1', 'batchNorm2'] } },
  { name: 'weights of the classes', classWeights: [0.3, 1, 2.5, 0.7] },
  { name: 'residual blocks', layers: RESIDUAL },
  {
    name: 'residual blocks, one frozen',
    layers: RESIDUAL,
    options: { frozen: ['conv1', 'residual1'], clipNorm: 1 },
  },
  { name: 'depthwise, squeeze-and-excite', layers: MOBILE, options: { clipNorm: 1 } },
  // AdamW makes steps of the size of the learning rate out of rounding where a gradient is near zero.
  {
    name: 'whole blocks of channels',
    layers: BLOCKS,
    options: { optimizer: sgd(0.9, false), clipNorm: 1 },
  },
  {
    name: 'depthwise, squeeze-and-excite: microbatches of 4, two layers frozen',
    microbatchSize: 4,
    layers: MOBILE,
    options: {
      optimizer: sgd(0.9, false),
      clipNorm: 1,
      frozen: ['residual1.squeezeExcite1.reduce', 'batchNorm1'],
    },
  },
  {
    name: 'whole blocks of channels, two norms frozen',
    layers: BLOCKS,
    options: { frozen: ['batchNorm1', 'residual1.batchNorm1'] },
  },
];

/** Trains both engines from the same weights, on the same batches. */
export async function measureParity(
  [one, other]: readonly [TrainingEngine, TrainingEngine],
  parityCase: ParityCase,
): Promise<ParityFigures> {
  const [a, b] = [await train(one, parityCase), await train(other, parityCase)];
  const isMoment = (name: string) => /^(firstMoment|secondMoment|momentum)\//.test(name);
  const of = (test: (name: string) => boolean) => relativeDifference(a.tensors, b.tensors, test);
  return {
    name: parityCase.name,
    loss: Math.max(...a.losses.map((loss, i) => Math.abs(loss - b.losses[i]!) / loss)),
    weights: of((name) => !isMoment(name)),
    moments: of(isMoment),
    losses: [a.losses[0]!, a.losses.at(-1)!],
  };
}

async function train(engine: TrainingEngine, parityCase: ParityCase) {
  const { options, layers = MIXED, microbatchSize = BATCH, classWeights } = parityCase;
  const model = modelOf({ height: 8, width: 7, channels: 1 }, 4, layers);
  const network = resolveNetwork(model);
  const session = await engine.open(model, engineOptions(BATCH, options));
  await session.importState(randomState(network, 1));
  await session.setMicrobatchSize(microbatchSize);
  const losses: number[] = [];
  for (let step = 0; step < PARITY_STEPS; step++) {
    const batch = randomBatch(network, BATCH, step);
    if (classWeights) weightSamples(batch.targets, classWeights);
    const hyper: StepHyperparameters = { learningRate: 0.02 / (1 + step / 10), emaDecay: 0.9 };
    losses.push((await session.step(batch, hyper)).loss);
  }
  const { parameters, optimizer } = await session.exportState();
  await session.close();
  const known = parametersOf(network).map(({ name }) => name);
  if (Object.keys(parameters).length !== known.length) throw new Error('a state lacks tensors');
  return { losses, tensors: { ...parameters, ...optimizer } };
}

/** Each row of targets times the weight of its most probable class. */
function weightSamples(targets: Float32Array, weights: readonly number[]): void {
  for (let start = 0; start < targets.length; start += weights.length) {
    const row = targets.subarray(start, start + weights.length);
    const weight = weights[row.indexOf(Math.max(...row))]!;
    for (let k = 0; k < row.length; k++) row[k]! *= weight;
  }
}

function relativeDifference(a: TensorMap, b: TensorMap, test: (name: string) => boolean): number {
  const names = Object.keys(a).filter(test);
  return Math.max(
    0,
    ...names.map((name) => {
      const difference = largestDifference(a[name]!.data, b[name]!.data);
      return difference === 0 ? 0 : difference / largest(a[name]!.data);
    }),
  );
}
