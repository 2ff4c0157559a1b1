import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { type LayerInput, modelOf } from '../../../test/support/engine.js';
import { resolveNetwork } from '../../core/plugin/index.js';
import { probeBlockSize } from './blocked-probe.js';
import { choosePlan } from './plan.js';

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
  it('takes blocked lowerings where channels and batch fill the blocks, and plain ones elsewhere', async () => {
    const blockSize = await probeBlockSize();
    expect([0, 8, 16]).toContain(blockSize);
    const plan = await choosePlan(network, 64, 2);
    expect(plan.blockSize).toBe(blockSize);
    expect(plan.threads).toBe(2);
    const blocked = blockSize > 0;
    const plain = { forward: 'plain', inputGradient: 'flipped', weightGradient: 'im2col' };
    expect(plan.convolutions).toEqual({
      grey: { ...plain, weightGradient: blocked ? 'blocked' : 'im2col' },
      whole: blocked ? { forward: 'blocked', inputGradient: 'blocked', weightGradient: 'blocked' } : plain,
      strided: {
        forward: blocked ? 'blocked' : 'plain',
        inputGradient: 'transposed',
        weightGradient: 'im2col',
      },
      'block.odd': plain,
      'block.projection': plain,
    });
  });

  it('keeps the weight gradient plain when the batch does not fill the blocks', async () => {
    const { convolutions } = await choosePlan(network, 20, 1);
    expect(convolutions.whole?.weightGradient).toBe('im2col');
  });

  it('records how many threads 0 stands for, so that a resume can repeat it', async () => {
    expect((await choosePlan(network, 8, 0)).threads).toBe(availableParallelism());
  });
});
