import { describe, expect, it } from 'vitest';
import { modelOf } from '../../../../../test/support/engine.js';
import { resolveNetwork } from '../../../model/network.js';
import { layersOf } from '../../presets.js';
import { frozenLayers } from './start.js';

const input = { height: 28, width: 28, channels: 1 };
const network = resolveNetwork({ input, classes: 4, layers: layersOf({ preset: 'resnet-small' }) });

describe('frozenLayers', () => {
  it('finds layers by their names and by how these begin', () => {
    expect(frozenLayers(network, ['batchNorm1', 'conv*'])).toEqual(['conv1', 'batchNorm1']);
    expect(frozenLayers(network, [])).toEqual([]);
  });

  it('takes a residual block for all in it, its projection too', () => {
    const frozen = frozenLayers(network, ['residual2']);
    expect(frozen).toEqual([
      'residual2.conv1',
      'residual2.batchNorm1',
      'residual2.conv2',
      'residual2.batchNorm2',
      'residual2.projection',
      'residual2.projectionNorm',
    ]);
    expect(frozenLayers(network, ['residual2.*'])).toEqual(frozen);
  });

  it('takes a name within a name for what it is: another one', () => {
    const layers = [
      { type: 'conv', name: 'conv1', filters: 2 },
      { type: 'conv', name: 'conv10', filters: 2 },
      { type: 'flatten' },
      { type: 'dense', units: 'classes' },
    ] as const;
    const two = resolveNetwork(modelOf({ height: 4, width: 4, channels: 1 }, 2, layers));
    expect(frozenLayers(two, ['conv1'])).toEqual(['conv1']);
    expect(frozenLayers(two, ['conv1*'])).toEqual(['conv1', 'conv10']);
  });

  it('names every pattern that names nothing, with what was meant', () => {
    expect(() => frozenLayers(network, ['conv1', 'dens1', 'pool*', 'relu1'])).toThrow(
      expect.objectContaining({
        code: 'ROBLE_CONFIG_INVALID',
        details: expect.objectContaining({
          problems: [
            expect.objectContaining({ path: 'train.frozen.1', suggestion: 'Did you mean "dense1"?' }),
            expect.objectContaining({ path: 'train.frozen.2' }),
            expect.objectContaining({ path: 'train.frozen.3' }),
          ],
        }),
      }),
    );
  });

  it('refuses to freeze everything', () => {
    expect(() => frozenLayers(network, ['*'])).toThrow(
      expect.objectContaining({ code: 'ROBLE_CONFIG_INVALID', message: expect.stringContaining('nothing') }),
    );
  });
});
