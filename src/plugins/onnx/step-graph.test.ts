import { expect, it } from 'vitest';
import { ADAMW, type LayerInput, modelOf } from '../../../test/support/engine.js';
import { decodeModel } from '../../core/model/onnx/format.js';
import { resolveNetwork } from '../../core/plugin/index.js';
import { MIXED_LAYERS } from '../../testing/small-model.js';
import { choosePlan } from './lowerings/execution-plan.js';
import { buildStepGraph } from './step-graph.js';

/** Depthwise convolutions with and without a stride, in blocks and not. */
const DEPTHWISE = [16, 6].flatMap((filters): LayerInput[] => [
  { type: 'conv', filters, kernel: 1 },
  { type: 'conv', filters, groups: filters },
  { type: 'squeezeExcite', units: 3 },
  { type: 'conv', filters, groups: filters, stride: 2 },
  { type: 'relu6' },
]);

it.each([
  ['every kind of layer', MIXED_LAYERS],
  ['depthwise convolutions', [...DEPTHWISE, { type: 'flatten' }, { type: 'dense', units: 'classes' }]],
])('holds no constant that no node takes: %s', async (_, layers) => {
  const network = resolveNetwork(modelOf({ height: 9, width: 8, channels: 3 }, 4, layers));
  const plan = await choosePlan(network, 16, 1);
  const options = {
    network,
    batch: 16,
    plan,
    optimizer: ADAMW,
    clipNorm: 0,
    ema: false,
    isFrozen: () => false,
  };
  const { graph } = decodeModel(buildStepGraph(options))!;
  const taken = new Set(graph.node.flatMap(({ input }) => input));
  expect(graph.initializer.map(({ name }) => name).filter((name) => !taken.has(name))).toEqual([]);
});
