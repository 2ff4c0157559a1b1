import { describe, expect, it } from 'vitest';
import { parametersOf, resolveNetwork, sizeOf } from '../model/network.js';
import { layerSchema } from '../model/spec.js';
import { layersOf, PRESETS } from './presets.js';

const parameterCount = (
  preset: string,
  input: { height: number; width: number; channels: number },
  classes: number,
) =>
  parametersOf(resolveNetwork({ input, classes, layers: layersOf({ preset }) }))
    .filter(({ trainable }) => trainable)
    .reduce((sum, { shape }) => sum + sizeOf(shape), 0);

describe('presets', () => {
  const shapes = [
    { height: 28, width: 28, channels: 1 },
    { height: 32, width: 32, channels: 3 },
    { height: 20, width: 45, channels: 1 },
  ];
  it.each(Object.keys(PRESETS).flatMap((preset) => shapes.map((input) => [preset, input] as const)))(
    '%s fits %j',
    (preset, input) => {
      const network = resolveNetwork({ input, classes: 37, layers: layersOf({ preset }) });
      expect(network.layers.at(-1)?.output).toEqual([37]);
    },
  );

  it('cnn-v2 has the parameters that can be counted by hand', () => {
    const convolutions = 9 * (1 * 32 + 32 * 32 + 32 * 64 + 64 * 64 + 64 * 128 + 128 * 128);
    const norms = 2 * (32 + 32 + 64 + 64 + 128 + 128);
    // 28 -> 14 -> 7 -> 3 by three poolings.
    const dense = 3 * 3 * 128 * 256 + 256 + (256 * 94 + 94);
    expect(parameterCount('cnn-v2', { height: 28, width: 28, channels: 1 }, 94)).toBe(
      convolutions + norms + dense,
    );
    expect(convolutions + norms + dense).toBe(606_206);
  });

  it('orders its weights: cnn-small has the fewest, cnn-v2 the most', () => {
    const [small, residual, reference] = ['cnn-small', 'resnet-small', 'cnn-v2'].map((preset) =>
      parameterCount(preset, { height: 28, width: 28, channels: 1 }, 94),
    );
    expect(small!).toBeLessThan(residual!);
    expect(residual!).toBeLessThan(reference!);
  });
});

describe('layersOf', () => {
  it('prefers the layers that are written out', () => {
    const layers = [layerSchema.parse({ type: 'flatten' })];
    expect(layersOf({ layers })).toEqual(layers);
  });

  it('fills in the defaults of each layer', () => {
    expect(layersOf({ preset: 'cnn-v2' })[0]).toEqual({
      type: 'conv',
      filters: 32,
      kernel: 3,
      stride: 1,
      padding: 'same',
      bias: false,
    });
  });

  it('names the presets, and the one that was meant', () => {
    expect(() => layersOf({ preset: 'cnn-v3' })).toThrow(
      expect.objectContaining({
        code: 'ROBLE_MODEL_INVALID',
        details: expect.objectContaining({
          received: 'cnn-v3',
          expected: expect.stringContaining('cnn-v2, cnn-small, resnet-small'),
          nextSteps: ['Did you mean "cnn-v2"?'],
        }),
      }),
    );
  });

  it.each(['toString', '__proto__', 'constructor'])('does not take "%s" for a preset', (preset) => {
    expect(() => layersOf({ preset })).toThrow(expect.objectContaining({ code: 'ROBLE_MODEL_INVALID' }));
  });
});
