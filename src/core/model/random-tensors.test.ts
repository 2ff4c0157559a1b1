import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { layersOf } from '../learning/presets.js';
import { resolveNetwork } from './network.js';
import { dropoutMaskSpecs, fillDropoutMask } from './random-tensors.js';
import { layerSchema } from './spec.js';

const fill = (count: number, rate: number, seed: number, step: number, name = 'dropout1') => {
  const mask = new Uint8Array(count).fill(7);
  fillDropoutMask(mask, { name, size: count, rate }, seed, step);
  return mask;
};

describe('dropout masks', () => {
  it('are asked for by every dropout layer, those inside blocks too, with the size of one sample', () => {
    const input = { height: 28, width: 28, channels: 1 };
    expect(
      dropoutMaskSpecs(resolveNetwork({ input, classes: 94, layers: layersOf({ preset: 'cnn-v2' }) })),
    ).toEqual([
      { name: 'dropout1', size: 32 * 14 * 14, rate: 0.1 },
      { name: 'dropout2', size: 64 * 7 * 7, rate: 0.15 },
      { name: 'dropout3', size: 128 * 3 * 3, rate: 0.2 },
      { name: 'dropout4', size: 256, rate: 0.3 },
    ]);
    const layers = [
      { type: 'residual' as const, layers: [{ type: 'dropout' as const, rate: 0.5 }] },
      { type: 'flatten' as const },
      { type: 'dense' as const, units: 'classes' as const },
    ].map((layer) => layerSchema.parse(layer));
    expect(dropoutMaskSpecs(resolveNetwork({ input, classes: 3, layers }))).toEqual([
      { name: 'residual1.dropout1', size: 784, rate: 0.5 },
    ]);
  });

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

  it('keep everything at rate 0', () => expect(fill(1001, 0, 1, 1).every((value) => value === 1)).toBe(true));

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
