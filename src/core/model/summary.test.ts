import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formatCount } from '../base/text/text.js';
import { layersOf, PRESETS } from '../learning/presets.js';
import { layerSchema } from './spec.js';
import { summarizeModel } from './summary.js';

const input = { height: 28, width: 28, channels: 1 };

describe('summarizeModel', () => {
  it('counts cnn-v2 as by hand', () => {
    const { parameters, statistics, multiplyAdds } = summarizeModel({
      input,
      classes: 94,
      layers: layersOf({ preset: 'cnn-v2' }),
    });
    expect(parameters).toBe(606_206);
    expect(statistics).toBe(2 * 2 * (32 + 64 + 128));
    const convolutions = 9 * (784 * (1 + 32) * 32 + 196 * (32 + 64) * 64 + 49 * (64 + 128) * 128);
    expect(multiplyAdds).toBe(convolutions + 1152 * 256 + 256 * 94);
  });

  it('lists the layers inside a residual block after it, deeper by one, and adds up', () => {
    const layers = [
      {
        type: 'residual' as const,
        layers: [
          { type: 'conv' as const, filters: 4, stride: 2 },
          { type: 'residual' as const, layers: [{ type: 'batchNorm' as const }] },
        ],
      },
      { type: 'globalAveragePool' as const },
      { type: 'dense' as const, units: 'classes' as const },
    ].map((layer) => layerSchema.parse(layer));
    const summary = summarizeModel({ input, classes: 3, layers });
    expect(summary.layers.map(({ name, depth, parameters }) => [name, depth, parameters])).toEqual([
      ['residual1', 0, 0],
      ['residual1.conv1', 1, 9 * 4 + 4],
      ['residual1.residual1', 1, 0],
      ['residual1.residual1.batchNorm1', 2, 8],
      ['residual1.projection', 1, 4],
      ['residual1.projectionNorm', 1, 8],
      ['globalAveragePool1', 0, 0],
      ['dense1', 0, 4 * 3 + 3],
    ]);
    expect(summary.parameters).toBe(75);
    expect(summary.statistics).toBe(16);
    expect(summary.multiplyAdds).toBe(14 * 14 * 4 * 9 + 14 * 14 * 4 + 4 * 3);
  });

  it('counts what a group and the two dense layers of squeeze-and-excite multiply', () => {
    const layers = [
      { type: 'conv' as const, filters: 8, kernel: 1, bias: false },
      { type: 'conv' as const, filters: 8, groups: 4, bias: false },
      { type: 'squeezeExcite' as const, units: 3 },
      { type: 'globalAveragePool' as const },
      { type: 'dense' as const, units: 'classes' as const },
    ].map((layer) => layerSchema.parse(layer));
    const { layers: rows, multiplyAdds } = summarizeModel({ input, classes: 2, layers });
    expect(rows.map(({ name, depth }) => `${depth} ${name}`)).toContain('1 squeezeExcite1.expand');
    expect(multiplyAdds).toBe(784 * 8 + 784 * 8 * 2 * 9 + 8 * 3 + 3 * 8 + 8 * 2);
  });

  it.each(Object.keys(PRESETS))('agrees with what docs/model.md says of %s', (preset) => {
    const { parameters, multiplyAdds } = summarizeModel({ input, classes: 94, layers: layersOf({ preset }) });
    const documented = readFileSync(new URL('../../../docs/model.md', import.meta.url), 'utf8');
    expect(documented).toContain(
      `| \`${preset}\` | ${formatCount(parameters)} | ${formatCount(multiplyAdds)} |`,
    );
  });
});
