import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../base/storage/durable.js';
import type { TensorMap } from '../base/storage/safetensors.js';
import { layersOf } from '../learning/presets.js';
import { resolveNetwork } from './network.js';
import { dropoutMaskSpecs, fillDropoutMask, initialParameters } from './random-tensors.js';
import { layerSchema } from './spec.js';

const SOURCES = ['words', 'cipher'] as const;

describe('dropout masks', () => {
  it('are asked for by every dropout layer, those inside blocks too, with the size of one sample', () => {
    const input = { height: 28, width: 28, channels: 1 };
    const network = resolveNetwork({ input, classes: 94, layers: layersOf({ preset: 'cnn-v2' }) });
    const expected = [
      { name: 'dropout1', size: 32 * 14 * 14, rate: 0.1 },
      { name: 'dropout2', size: 64 * 7 * 7, rate: 0.15 },
      { name: 'dropout3', size: 128 * 3 * 3, rate: 0.2 },
      { name: 'dropout4', size: 256, rate: 0.3 },
    ];
    for (const source of SOURCES)
      expect(dropoutMaskSpecs(network, source)).toEqual(expected.map((spec) => ({ ...spec, source })));
    const layers = [
      { type: 'residual' as const, layers: [{ type: 'dropout' as const, rate: 0.5 }] },
      { type: 'flatten' as const },
      { type: 'dense' as const, units: 'classes' as const },
    ].map((layer) => layerSchema.parse(layer));
    expect(dropoutMaskSpecs(resolveNetwork({ input, classes: 3, layers }))).toEqual([
      { name: 'residual1.dropout1', size: 784, rate: 0.5, source: 'cipher' },
    ]);
  });

  // Checkpoints count on it: whatever changes these changes the runs that are going on.
  it.each([
    ['words', '1110011000111111011111011011011111111100'],
    ['cipher', '0001111000111111010110100110011100010111'],
  ] as const)('from %s are what they always were', (source, expected) => {
    const mask = new Uint8Array(40);
    fillDropoutMask(mask, { name: 'dropout1', size: 40, rate: 0.4, source }, 1, 2);
    expect(mask.join('')).toBe(expected);
  });

  describe.each(SOURCES)('from %s', (source) => {
    const fill = (count: number, rate: number, seed: number, step: number, name = 'dropout1') => {
      const mask = new Uint8Array(count).fill(7);
      fillDropoutMask(mask, { name, size: count, rate, source }, seed, step);
      return mask;
    };

    it('drop the share that the layer asks for', () => {
      fc.assert(
        fc.property(fc.double({ min: 0, max: 0.99, noNaN: true }), fc.nat(), fc.nat(), (rate, seed, step) => {
          const count = 20_001;
          const mask = fill(count, rate, seed, step);
          const kept = mask.reduce((sum, value) => sum + value, 0) / count;
          expect(mask.every((value) => value === 0 || value === 1)).toBe(true);
          // Six standard deviations, and the rounding of the rate to 1/65,536.
          expect(Math.abs(kept - (1 - rate))).toBeLessThan(
            6 * Math.sqrt((rate * (1 - rate)) / count) + 1 / 65_536,
          );
        }),
        { seed: 20, numRuns: 50 },
      );
    });

    it('tell rates apart that are the same in 256ths', () => {
      const count = 2 ** 22;
      const [kept, keptMore] = [0.1, 0.1 - 1 / 512].map((rate) =>
        fill(count, rate, 1, 1).reduce((sum, value) => sum + value, 0),
      );
      // Half a 256th of the values; six standard deviations of the difference are 0.0013 of them.
      expect(Math.abs((keptMore! - kept!) / count - 1 / 512)).toBeLessThan(0.0013);
    });

    it('keep everything at rate 0', () =>
      expect(fill(1001, 0, 1, 1).every((value) => value === 1)).toBe(true));

    it('are a pure function of seed, step and layer', () => {
      const mask = fill(1001, 0.5, 1, 1);
      expect(fill(1001, 0.5, 1, 1)).toEqual(mask);
      for (const other of [fill(1001, 0.5, 2, 1), fill(1001, 0.5, 1, 2), fill(1001, 0.5, 1, 1, 'dropout2')]) {
        const agreement = other.reduce((sum, value, i) => sum + (value === mask[i] ? 1 : 0), 0) / 1001;
        // Independent masks agree in half of their places, with standard deviation 0.016; six of them.
        expect(Math.abs(agreement - 0.5)).toBeLessThan(0.095);
      }
    });
  });
});

describe('initial parameters', () => {
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
