import { describe, expect, it } from 'vitest';
import { largestDifference, modelOf, randomBatch, randomState } from '../../../test/support/engine.js';
import { resolveNetwork } from '../../core/plugin/index.js';
import { answerOnce } from './checked-export.js';
import { buildInferenceGraph } from './inference-graph.js';

const network = resolveNetwork(
  modelOf({ height: 7, width: 6, channels: 3 }, 4, [
    { type: 'conv', filters: 6, bias: true },
    { type: 'batchNorm' },
    { type: 'relu' },
    {
      type: 'residual',
      layers: [{ type: 'conv', filters: 8, stride: 2, bias: false }, { type: 'batchNorm' }, { type: 'gelu' }],
    },
    { type: 'conv', filters: 8, groups: 8, padding: [2, 0, 1, 1], bias: true },
    { type: 'batchNorm' },
    { type: 'relu6' },
    { type: 'squeezeExcite', units: 3 },
    {
      type: 'residual',
      layers: [{ type: 'conv', filters: 6, groups: 2 }, { type: 'hardSwish' }],
      shortcut: [{ type: 'conv', filters: 6, kernel: 1 }, { type: 'batchNorm' }],
    },
    { type: 'flatten' },
    { type: 'dense', units: 'classes' },
  ]),
);

describe('buildInferenceGraph', () => {
  it('folds batch norm without a change of the answer', async () => {
    const { parameters } = randomState(network, 1);
    const { images } = randomBatch(network, 3, 60);
    const [folded, unfolded] = [true, false].map((fold) =>
      buildInferenceGraph(network, parameters, { fold }),
    );
    expect(folded!.length).toBeLessThan(unfolded!.length);
    const answers = [];
    for (const graph of [folded!, unfolded!])
      answers.push(await answerOnce(network, graph, { threads: 1 })(images, 3));
    // A few float32 roundings of values of order 1.
    expect(largestDifference(answers[0]!, answers[1]!)).toBeLessThan(1e-5);
  });
});
