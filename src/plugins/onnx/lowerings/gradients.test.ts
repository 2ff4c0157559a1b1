/** The gradients of the step graph against TensorFlow.js, layer by layer at random shapes, and against differences. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  gradientOptions,
  type LayerInput,
  largest,
  largestDifference,
  modelOf,
  randomBatch,
  randomState,
} from '../../../../test/support/engine.js';
import type { ModelSpec } from '../../../core/model/spec.js';
import {
  type Batch,
  resolveNetwork,
  type TrainingEngine,
  type TrainingState,
} from '../../../core/plugin/index.js';
import { plugin as tfjs } from '../../tfjs/training-engine.js';
import { plugin as onnx } from '../training-engine.js';
import type { ConvLowering } from './convolution.js';
import { choosePlan, type ExecutionPlan } from './execution-plan.js';

/** Loss and gradients of a step: after one step from rest, the momentum is the gradient. */
async function gradientsOf(
  engine: TrainingEngine,
  spec: ModelSpec,
  state: TrainingState,
  batch: Batch,
  plan?: ExecutionPlan,
) {
  const session = await engine.open(spec, { ...gradientOptions(batch.count), ...(plan && { plan }) });
  await session.importState(state);
  const { loss, gradientNorm } = await session.step(batch, { learningRate: 0 });
  const { optimizer } = await session.exportState();
  await session.close();
  const gradients = Object.fromEntries(
    Object.entries(optimizer).map(([name, { data }]) => [name.replace('momentum/', ''), data]),
  );
  return { loss, gradientNorm, gradients };
}

/**
 * Both sides sum some hundreds to thousands of float32 products in different orders: a relative error of a few 1e-6,
 * and ten times as much where batch norm subtracts nearly equal numbers. 2e-4 of a tensor's largest gradient is far
 * above that and far below any missing term. The floor of 2e-5 of the network's largest gradient is for gradients
 * that are zero in exact arithmetic, such as a bias before a batch norm.
 */
function expectSameGradients(
  actual: Record<string, Float32Array>,
  expected: Record<string, Float32Array>,
): void {
  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  const overall = Math.max(...Object.values(expected).map(largest));
  expect(overall).toBeGreaterThan(0);
  for (const [name, gradient] of Object.entries(expected)) {
    const tolerance = 2e-4 * largest(gradient) + 2e-5 * overall;
    expect(largestDifference(actual[name]!, gradient), `gradient of ${name}`).toBeLessThanOrEqual(tolerance);
  }
}

async function expectAgreement(spec: ModelSpec, batchSize: number, seed: number): Promise<void> {
  const network = resolveNetwork(spec);
  const state = randomState(network, seed);
  const batch = randomBatch(network, batchSize, seed);
  const actual = await gradientsOf(onnx, spec, state, batch);
  const expected = await gradientsOf(tfjs, spec, state, batch);
  // The loss is of order 1 and a mean of a few sums.
  expect(Math.abs(actual.loss - expected.loss)).toBeLessThan(1e-5 * Math.max(1, expected.loss));
  expectSameGradients(actual.gradients, expected.gradients);
}

const seed = fc.integer({ min: 0, max: 2 ** 31 });
const sides = fc.record({
  height: fc.integer({ min: 5, max: 9 }),
  width: fc.integer({ min: 5, max: 9 }),
  channels: fc.constantFrom(1, 3),
});
const pairOf = (max: number) => fc.tuple(fc.integer({ min: 1, max }), fc.integer({ min: 1, max }));
const padding = fc.constantFrom('same' as const, 'valid' as const);
/** Windows with more padding before or after, as PyTorch and TensorFlow have it. */
const padded = pairOf(3).chain(([height, width]) =>
  fc.record({
    size: fc.constant<[number, number]>([height + 1, width + 1]),
    padding: fc.tuple(
      fc.integer({ min: 0, max: height }),
      fc.integer({ min: 0, max: width }),
      fc.integer({ min: 0, max: height }),
      fc.integer({ min: 0, max: width }),
    ),
  }),
);

/** Draws a layer between a first convolution, so that its input needs a gradient, and a dense layer. */
function checkLayer(layer: fc.Arbitrary<LayerInput | LayerInput[]>, numRuns = 8, minBatch = 2) {
  const model = fc.record({
    input: sides,
    layer,
    batch: fc.integer({ min: minBatch, max: minBatch + 3 }),
    seed,
  });
  return fc.assert(
    fc.asyncProperty(model, ({ input, layer, batch, seed }) => {
      const layers: LayerInput[] = [
        { type: 'conv', name: 'first', filters: 4, kernel: 3, bias: false },
        ...[layer].flat(),
        { type: 'flatten' },
        { type: 'dense', units: 'classes' },
      ];
      return expectAgreement(modelOf(input, 3, layers), batch, seed);
    }),
    { seed: 20, numRuns },
  );
}

describe('gradients equal those of TensorFlow.js', () => {
  it('of a convolution: kernels 1 to 5, strides 1 to 3, both paddings, with and without bias', () =>
    checkLayer(
      fc.record({
        type: fc.constant('conv' as const),
        filters: fc.integer({ min: 1, max: 6 }),
        kernel: pairOf(5),
        stride: pairOf(3),
        padding,
        bias: fc.boolean(),
      }),
      25,
    ));

  it('of a convolution in groups, depthwise too, with paddings by number', () =>
    checkLayer(
      fc
        .record({
          groups: fc.constantFrom(2, 4),
          perGroup: fc.constantFrom(1, 2),
          window: padded,
          stride: pairOf(3),
          bias: fc.boolean(),
        })
        .map(
          ({ groups, perGroup, window, stride, bias }): LayerInput => ({
            type: 'conv',
            filters: groups * perGroup,
            groups,
            kernel: window.size,
            padding: window.padding,
            stride,
            bias,
          }),
        ),
      14,
    ));

  it('of depthwise convolutions in blocks, with what mobile networks put around them', () => {
    const around = fc.record({
      window: padded,
      stride: pairOf(2),
      activation: fc.constantFrom('relu6' as const, 'hardSwish' as const, 'silu' as const),
      squeeze: fc.constantFrom(true, false),
      norm: fc.boolean(),
      batch: fc.constantFrom(16, 3),
      seed,
    });
    return fc.assert(
      fc.asyncProperty(around, ({ window, stride, activation, squeeze, norm, batch, seed }) => {
        const unit: LayerInput[] = [...(norm ? [{ type: 'batchNorm' as const }] : []), { type: activation }];
        return expectAgreement(
          modelOf({ height: 7, width: 6, channels: 3 }, 3, [
            { type: 'conv', filters: 16, kernel: 1, bias: false },
            ...unit,
            {
              type: 'conv',
              filters: 16,
              groups: 16,
              kernel: window.size,
              padding: window.padding,
              stride,
              bias: !norm,
            },
            ...unit,
            ...(squeeze ? [{ type: 'squeezeExcite' as const, units: 5 }] : []),
            { type: 'conv', filters: 24, kernel: 1, bias: false },
            { type: 'globalAveragePool' },
            { type: 'dense', units: 'classes' },
          ]),
          batch,
          seed,
        );
      }),
      { seed: 20, numRuns: 10 },
    );
  });

  it('of squeeze-and-excite, with either gate', () =>
    checkLayer(
      fc.record({
        type: fc.constant('squeezeExcite' as const),
        units: fc.integer({ min: 1, max: 4 }),
        activation: fc.constantFrom('relu' as const, 'silu' as const),
        gate: fc.constantFrom('sigmoid' as const, 'hardSigmoid' as const),
      }),
      6,
    ));

  it('of a first convolution, whose input needs no gradient', () =>
    fc.assert(
      fc.asyncProperty(sides, seed, (input, seed) =>
        expectAgreement(
          modelOf(input, 2, [
            { type: 'conv', filters: 3, stride: 2 },
            { type: 'flatten' },
            { type: 'dense', units: 2 },
          ]),
          3,
          seed,
        ),
      ),
      { seed: 20, numRuns: 4 },
    ));

  it('of convolutions whose channels and batch fill the blocks of the runtime', () => {
    const shape = fc.record({
      filters: fc.constantFrom(16, 32),
      kernel: pairOf(4),
      stride: fc.constantFrom(1, 2),
      padding,
      bias: fc.boolean(),
    });
    return fc.assert(
      fc.asyncProperty(
        shape,
        fc.constantFrom(16, 32),
        fc.constantFrom(16, 5),
        seed,
        (conv, channels, batch, seed) => {
          const layers: LayerInput[] = [
            { type: 'conv', filters: channels },
            { type: 'conv', ...conv },
            { type: 'globalAveragePool' },
            { type: 'dense', units: 'classes' },
          ];
          return expectAgreement(modelOf({ height: 5, width: 4, channels: 1 }, 3, layers), batch, seed);
        },
      ),
      { seed: 20, numRuns: 8 },
    );
  });

  it('of all that lies between convolutions in blocks, in every order', () => {
    const conv = (filters: number): LayerInput => ({ type: 'conv', filters, bias: false });
    const dropout: LayerInput = { type: 'dropout', rate: 0.3 };
    const pool = fc.record({
      type: fc.constantFrom('maxPool' as const, 'averagePool' as const),
      size: pairOf(3),
      stride: fc.constantFrom(undefined, 1 as const),
    });
    const any: fc.Arbitrary<LayerInput> = fc.oneof(
      fc.constantFrom<LayerInput>(
        { type: 'batchNorm' },
        { type: 'relu' },
        { type: 'gelu' },
        dropout,
        conv(32),
        { type: 'residual', layers: [conv(16), { type: 'batchNorm' }, { type: 'relu' }] },
      ),
      pool.map(({ stride, ...rest }): LayerInput => (stride === undefined ? rest : { ...rest, stride })),
    );
    // A third pooling would leave no picture.
    const between = fc
      .array(any, { minLength: 1, maxLength: 5 })
      .filter(
        (layers) => layers.filter((layer) => (layer as { type: string }).type.endsWith('Pool')).length <= 2,
      );
    const end = fc.constantFrom<LayerInput>(
      { type: 'globalAveragePool' },
      { type: 'globalMaxPool' },
      { type: 'flatten' },
    );
    return fc.assert(
      fc.asyncProperty(between, end, fc.constantFrom(16, 3), seed, (layers, end, batch, seed) =>
        expectAgreement(
          modelOf({ height: 9, width: 8, channels: 1 }, 3, [
            { type: 'conv', filters: 16 },
            ...layers,
            end,
            { type: 'dense', units: 'classes' },
          ]),
          batch,
          seed,
        ),
      ),
      { seed: 20, numRuns: 12 },
    );
  });

  it.each(['relu', 'gelu', 'silu', 'relu6', 'hardSwish', 'hardSigmoid', 'sigmoid'] as const)(
    'of %s',
    (type) => checkLayer(fc.constant({ type }), 3),
  );

  it('of batch norm on pictures', () =>
    checkLayer(
      fc.record({ type: fc.constant('batchNorm' as const), epsilon: fc.constantFrom(1e-5, 1e-2) }),
      5,
    ));

  // Of two samples the normalised values are +-1 whatever the weights are, and the gradient is zero but for rounding.
  it('of batch norm on vectors', () =>
    checkLayer(
      fc.constant<LayerInput[]>([
        { type: 'flatten' },
        { type: 'dense', units: 6, bias: false },
        { type: 'batchNorm' },
        { type: 'silu' },
      ]),
      5,
      8,
    ));

  it.each(['maxPool', 'averagePool'] as const)(
    'of %s: tiling, overlapping, with gaps, padded',
    async (type) => {
      await checkLayer(fc.record({ type: fc.constant(type), size: pairOf(3), padding }), 8);
      await checkLayer(
        fc.record({ type: fc.constant(type), size: pairOf(4), stride: pairOf(3), padding }),
        16,
      );
      const counted = fc.record({ window: padded, stride: pairOf(3), countPadding: fc.boolean() });
      await checkLayer(
        counted.map(({ window, ...rest }) => ({ type, ...window, ...rest })),
        8,
      );
    },
  );

  it.each(['globalAveragePool', 'globalMaxPool'] as const)('of %s', (type) =>
    checkLayer(fc.constant({ type }), 4),
  );

  it('of dropout on pictures and vectors', () =>
    checkLayer(
      fc
        .constantFrom(0, 0.25, 0.6)
        .map((rate): LayerInput[] => [
          { type: 'dropout', rate },
          { type: 'flatten' },
          { type: 'dense', units: 8 },
          { type: 'dropout', rate },
        ]),
      5,
    ));

  it('of dense layers with and without bias', () =>
    checkLayer(
      fc
        .tuple(fc.integer({ min: 1, max: 9 }), fc.boolean())
        .map(([units, bias]): LayerInput[] => [{ type: 'flatten' }, { type: 'dense', units, bias }]),
      5,
    ));

  it('of residual blocks: identity, projection, nested, with a shortcut of their own, and without parameters', () => {
    const conv = (filters: number, stride: 1 | 2): LayerInput => ({
      type: 'conv',
      filters,
      stride,
      bias: false,
    });
    const identity: LayerInput = {
      type: 'residual',
      layers: [conv(4, 1), { type: 'batchNorm' }, { type: 'relu' }],
    };
    const projection: LayerInput = {
      type: 'residual',
      layers: [conv(6, 2), { type: 'batchNorm' }, { type: 'silu' }, conv(6, 1)],
    };
    const nested: LayerInput = { type: 'residual', layers: [identity, projection] };
    const bare: LayerInput = { type: 'residual', layers: [{ type: 'gelu' }] };
    const shortcut: LayerInput = {
      type: 'residual',
      layers: [conv(6, 2), { type: 'batchNorm' }],
      shortcut: [
        { type: 'averagePool', padding: 'same' },
        { type: 'conv', filters: 6, kernel: 1 },
      ],
    };
    return checkLayer(
      fc.constantFrom(identity, projection, nested, bare, shortcut, [projection, { type: 'relu' }, nested]),
      12,
    );
  });

  it('of residual blocks that are the first layer, or come before any parameter', async () => {
    const first: LayerInput = { type: 'residual', layers: [{ type: 'conv', filters: 3 }, { type: 'relu' }] };
    const bare: LayerInput = { type: 'residual', layers: [{ type: 'silu' }] };
    for (const layer of [first, bare])
      await expectAgreement(
        modelOf({ height: 6, width: 5, channels: 1 }, 3, [
          layer,
          { type: 'flatten' },
          { type: 'dense', units: 3 },
        ]),
        3,
        7,
      );
  });
});

describe('ties in max pooling', () => {
  const constantImages = (count: number): Batch => ({
    step: 0,
    count,
    images: new Uint8Array(count * 16).fill(255),
    targets: Float32Array.from({ length: count * 2 }, (_, i) => (i % 2 === 0 ? 1 : 0)),
    masks: {},
  });

  const pools: LayerInput[] = [
    { type: 'maxPool', size: 2 },
    { type: 'maxPool', size: 3, stride: 2, padding: 'same' },
    { type: 'globalMaxPool' },
  ];
  // Channels that fill the blocks of the runtime, and one alone.
  const cases = [onnx, tfjs].flatMap((engine) =>
    pools.flatMap((pool) => [1, 16].map((filters) => ({ name: engine.name, engine, pool, filters }))),
  );

  it.each(cases)(
    'count the gradient once: $name, $pool, $filters filters',
    async ({ engine, pool, filters }) => {
      // A 1x1 convolution of a white picture with weight w gives w everywhere: all windows are ties, and every pooled
      // value is w. Then d loss / d w is the sum over the pooled values of d loss / d value, each counted once.
      const spec = modelOf({ height: 4, width: 4, channels: 1 }, 2, [
        { type: 'conv', name: 'scale', filters, kernel: 1, bias: false },
        pool,
        { type: 'flatten' },
        { type: 'dense', name: 'head', units: 2, bias: false },
      ]);
      const network = resolveNetwork(spec);
      const state = randomState(network, 3);
      const { gradients } = await gradientsOf(engine, spec, state, constantImages(2));
      const weights = state.parameters['scale.weight']!.data;
      const head = state.parameters['head.weight']!.data;
      const values = head.length / (2 * filters);
      // By filter and class: the sum over its pooled values.
      const columns = Array.from(weights, (_, filter) =>
        [0, 1].map((k) => {
          let sum = 0;
          for (let i = 0; i < values; i++) sum += head[(filter * values + i) * 2 + k]!;
          return sum;
        }),
      );
      const logit = (k: number) => columns.reduce((sum, of, filter) => sum + weights[filter]! * of[k]!, 0);
      const probability = 1 / (1 + Math.exp(logit(1) - logit(0)));
      // Float32 products and sums of at most 256 terms.
      for (const [filter, [first, second]] of columns.entries())
        expect(gradients['scale.weight']![filter]).toBeCloseTo((1 - probability) * (second! - first!), 5);
    },
  );
});

describe('lowerings', () => {
  const lowerings = (['plain', 'blocked'] as const).flatMap((forward) =>
    (['transposed', 'flipped', 'blocked'] as const).flatMap((inputGradient) =>
      (['im2col', 'blockedWide', 'blocked', 'blockedSwapped'] as const).map(
        (weightGradient): ConvLowering => ({ forward, inputGradient, weightGradient }),
      ),
    ),
  );

  it.each([
    { kernel: 3, padding: 'same' },
    { kernel: [2, 4], padding: 'same' },
    { kernel: [3, 2], padding: 'valid' },
  ] as const)('all give the same gradients: %j', async (conv) => {
    const spec = modelOf({ height: 6, width: 5, channels: 1 }, 3, [
      { type: 'conv', filters: 32 },
      { type: 'conv', name: 'tried', filters: 16, ...conv },
      { type: 'globalAveragePool' },
      { type: 'dense', units: 3 },
    ]);
    const network = resolveNetwork(spec);
    const [state, batch] = [randomState(network, 5), randomBatch(network, 16, 5)];
    const plan = await choosePlan(network, 16, 1);
    const usable =
      plan.blockSize > 0
        ? lowerings
        : lowerings.filter((lowering) => !Object.values(lowering).some((way) => way.startsWith('blocked')));
    const expected = await gradientsOf(tfjs, spec, state, batch);
    const { layout: _, ...olderPlan } = plan;
    for (const base of [plan, olderPlan])
      for (const lowering of usable) {
        const forced: ExecutionPlan = { ...base, convolutions: { ...plan.convolutions, tried: lowering } };
        const actual = await gradientsOf(onnx, spec, state, batch, forced);
        expectSameGradients(actual.gradients, expected.gradients);
      }
  });

  it.each([
    { stride: 1, padding: 'same' },
    { stride: 2, padding: [0, 0, 1, 1] },
    { stride: [2, 1], kernel: [1, 2] },
  ] as const)('all give a depthwise convolution the same gradients: %j', async (conv) => {
    const spec = modelOf({ height: 6, width: 5, channels: 1 }, 3, [
      { type: 'conv', filters: 32 },
      { type: 'conv', name: 'tried', filters: 32, groups: 32, ...conv },
      { type: 'globalAveragePool' },
      { type: 'dense', units: 3 },
    ]);
    const network = resolveNetwork(spec);
    const [state, batch] = [randomState(network, 5), randomBatch(network, 3, 5)];
    const plan = await choosePlan(network, 3, 1);
    const expected = await gradientsOf(tfjs, spec, state, batch);
    const chosen = plan.convolutions.tried!;
    const plain = { forward: 'plain', inputGradient: 'transposed' } as const;
    for (const lowering of [
      chosen,
      { ...chosen, inputGradient: 'transposed' as const },
      ...(['depthwise', 'im2col'] as const).map((weightGradient) => ({ ...plain, weightGradient })),
    ]) {
      const forced: ExecutionPlan = { ...plan, convolutions: { ...plan.convolutions, tried: lowering } };
      const actual = await gradientsOf(onnx, spec, state, batch, forced);
      expectSameGradients(actual.gradients, expected.gradients);
    }
  });

  it('give a strided convolution the same gradients', async () => {
    const spec = modelOf({ height: 9, width: 8, channels: 3 }, 3, [
      { type: 'conv', name: 'first', filters: 32, stride: 2 },
      { type: 'conv', name: 'second', filters: 16, stride: [2, 3], kernel: [3, 2] },
      { type: 'globalAveragePool' },
      { type: 'dense', units: 3 },
    ]);
    const network = resolveNetwork(spec);
    const [state, batch] = [randomState(network, 6), randomBatch(network, 16, 6)];
    const plan = await choosePlan(network, 16, 1);
    const expected = await gradientsOf(tfjs, spec, state, batch);
    for (const weightGradient of plan.blockSize > 0
      ? (['im2col', 'blockedWide'] as const)
      : ['im2col' as const]) {
      const convolutions = Object.fromEntries(
        Object.entries(plan.convolutions).map(([name, lowering]) => [name, { ...lowering, weightGradient }]),
      );
      const actual = await gradientsOf(onnx, spec, state, batch, { ...plan, convolutions });
      expectSameGradients(actual.gradients, expected.gradients);
    }
  });
});

describe('finite differences', () => {
  it('of a whole network with every kind of layer', async () => {
    // Smooth activations and no maxima between the first weights and the loss: where a maximum changes hands a
    // difference is no derivative. Maxima are compared with TensorFlow.js above.
    const spec = modelOf({ height: 8, width: 7, channels: 3 }, 4, [
      { type: 'conv', filters: 6, bias: false },
      { type: 'batchNorm' },
      { type: 'gelu' },
      {
        type: 'residual',
        layers: [{ type: 'conv', filters: 8, stride: 2 }, { type: 'batchNorm' }, { type: 'silu' }],
      },
      { type: 'averagePool', size: 3, stride: 1, padding: 'same' },
      { type: 'dropout', rate: 0.2 },
      {
        type: 'residual',
        layers: [{ type: 'conv', filters: 8, kernel: [1, 3], groups: 8 }, { type: 'sigmoid' }],
        shortcut: [{ type: 'conv', filters: 8, kernel: 1, groups: 2 }],
      },
      { type: 'squeezeExcite', units: 3, activation: 'silu' },
      { type: 'globalAveragePool' },
      { type: 'dense', units: 10 },
      { type: 'batchNorm' },
      { type: 'silu' },
      { type: 'dense', units: 'classes' },
    ]);
    const network = resolveNetwork(spec);
    const [state, batch] = [randomState(network, 11), randomBatch(network, 6, 11)];
    const { gradients } = await gradientsOf(onnx, spec, state, batch);
    const session = await onnx.open(spec, gradientOptions(batch.count));
    const lossAt = async (name: string, index: number, offset: number) => {
      const { shape, data } = state.parameters[name]!;
      const moved = data.with(index, data[index]! + offset);
      await session.importState({
        ...state,
        parameters: { ...state.parameters, [name]: { shape, data: moved } },
      });
      return (await session.step(batch, { learningRate: 0 })).loss;
    };
    const step = 0.01;
    const random = fc.sample(fc.nat(), { seed: 20, numRuns: 3 });
    for (const [name, gradient] of Object.entries(gradients))
      for (const number of random) {
        const index = number % gradient.length;
        const slope = ((await lossAt(name, index, step)) - (await lossAt(name, index, -step))) / (2 * step);
        // The loss is exact to about 2e-7, so the slope to 2e-5; the third derivative adds step^2 / 6 of itself,
        // which for weights of order 1 is another 1e-4 at most.
        expect(Math.abs(slope - gradient[index]!), `${name}[${index}]`).toBeLessThan(
          3e-4 + 0.01 * Math.abs(gradient[index]!),
        );
      }
    await session.close();
  });
});
