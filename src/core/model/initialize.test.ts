import { describe, expect, it } from 'vitest';
import { sha256 } from '../base/storage/durable.js';
import type { TensorMap } from '../base/storage/safetensors.js';
import { layersOf } from '../learning/presets.js';
import { resolveNetwork } from './network.js';
import { initialParameters } from './random-tensors.js';

const network = resolveNetwork({
  input: { height: 28, width: 28, channels: 1 },
  classes: 10,
  layers: layersOf({ preset: 'cnn-v2' }),
});
const parameters = initialParameters(network, 3);

const digests = (tensors: TensorMap) =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, { data }]) => [name, sha256(new Uint8Array(data.buffer))]),
  );

describe('initial parameters', () => {
  it('are uniform within 1 / sqrt(fan-in), around zero', () => {
    for (const [name, fanIn] of [
      ['conv2.weight', 32 * 9],
      ['conv6.weight', 128 * 9],
      ['dense1.weight', 3 * 3 * 128],
    ] as const) {
      const { data } = parameters[name]!;
      const bound = Math.sqrt(1 / fanIn);
      expect(data.every((value) => Math.abs(value) <= bound)).toBe(true);
      const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
      const variance = data.reduce((sum, value) => sum + value ** 2, 0) / data.length;
      // 9,216 values or more: the estimates deviate by 0.6 % of the bound and 1 % of the variance; five times that.
      expect(Math.abs(mean / bound)).toBeLessThan(0.03);
      expect(Math.abs(variance * fanIn * 3 - 1)).toBeLessThan(0.05);
    }
  });

  it('start biases, scales and running statistics at their neutral values', () => {
    const all = (name: string, value: number) =>
      expect(new Set(parameters[name]!.data)).toEqual(new Set([value]));
    all('dense1.bias', 0);
    all('batchNorm1.scale', 1);
    all('batchNorm1.bias', 0);
    all('batchNorm1.mean', 0);
    all('batchNorm1.variance', 1);
  });

  it('depend on the seed and the tensor alone: a layer added elsewhere changes nothing', () => {
    expect(digests(initialParameters(network, 3))).toEqual(digests(parameters));
    expect(digests(initialParameters(network, 4))['conv2.weight']).not.toBe(
      digests(parameters)['conv2.weight'],
    );
    const [first, ...rest] = layersOf({ preset: 'cnn-v2' });
    const longer = resolveNetwork({ ...network, layers: [first!, { type: 'dropout', rate: 0.1 }, ...rest] });
    expect(digests(initialParameters(longer, 3))).toEqual(digests(parameters));
  });
});
