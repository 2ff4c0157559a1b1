import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { type LayerInput, modelOf } from '../../../../test/support/engine.js';
import { everyLayer, resolveNetwork } from '../../../core/plugin/index.js';
import { choosePlan } from './execution-plan.js';
import { probeBlockSize } from './probe-blocks.js';

const layers: LayerInput[] = [
  { type: 'conv', name: 'grey', filters: 32 },
  { type: 'conv', name: 'whole', filters: 64 },
  { type: 'conv', name: 'strided', filters: 32, stride: 2 },
  { type: 'residual', name: 'block', layers: [{ type: 'conv', name: 'odd', filters: 20 }] },
  { type: 'globalAveragePool' },
  { type: 'dense', units: 'classes' },
];
const network = resolveNetwork(modelOf({ height: 8, width: 8, channels: 1 }, 3, layers));

describe('choosePlan', () => {
  it('takes blocked lowerings only where channels and batch fill the blocks', async () => {
    const blockSize = await probeBlockSize();
    expect([0, 8, 16]).toContain(blockSize);
    for (const batch of [64, 20]) {
      const plan = await choosePlan(network, batch, 2);
      expect(plan).toMatchObject({ blockSize, threads: 2, ...(blockSize > 0 && { layout: 'blocked' }) });
      for (const layer of everyLayer(network.layers)) {
        if (layer.type !== 'conv') continue;
        const fits = (count: number) => blockSize > 0 && count % blockSize === 0;
        const [into, out] = [fits(layer.input[0]), fits(layer.output[0])];
        const chosen = plan.convolutions[layer.name]!;
        // A grey picture has fewer channels than a block, and is read as it lies.
        const inBlocks = out && (into || layer.input[0] < blockSize);
        expect(chosen.forward).toBe(inBlocks ? 'blocked' : 'plain');
        if (!(into && out)) expect(chosen.inputGradient).not.toBe('blocked');
        if (!(fits(batch) && (into || out))) expect(chosen.weightGradient).toBe('im2col');
      }
      expect(plan.convolutions.strided!.inputGradient).toBe('transposed');
    }
  });

  it('chooses the same again, also in another process that starts at the same time', async () => {
    const plans = await Promise.all([1, 2, 3].map(() => choosePlan(network, 64, 1)));
    expect(plans[1]).toEqual(plans[0]);
    expect(plans[2]).toEqual(plans[0]);
  });

  it('records how many threads 0 stands for, so that a resume can repeat it', async () => {
    expect((await choosePlan(network, 8, 0)).threads).toBe(availableParallelism());
  });
});
