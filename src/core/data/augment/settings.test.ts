import { describe, expect, it } from 'vitest';
import { STRATEGIES, stepsOf, strategySchema } from './settings.js';

describe('strategySchema', () => {
  it('takes a name, or steps whose defaults it fills in', () => {
    expect(strategySchema.parse('medium')).toBe('medium');
    expect(strategySchema.parse([{ augmenter: 'affine' }])).toEqual([
      { augmenter: 'affine', probability: 1, parameters: {} },
    ]);
  });

  it.each([
    'heavy',
    [{ probability: 1 }],
    [{ augmenter: 'blur', probability: 2 }],
    [{ augmenter: 'blur', odds: 1 }],
  ])('refuses %j', (value) => expect(strategySchema.safeParse(value).success).toBe(false));
});

describe('stepsOf', () => {
  it('puts canvas-style before and mixup behind the steps of a strategy, where they are asked for', () => {
    const names = stepsOf('light', { canvasStyle: 0.3, mixup: 0.2 }).map(({ augmenter }) => augmenter);
    expect([names[0], names.at(-1)]).toEqual(['canvas-style', 'mixup']);
    expect(stepsOf('light', { canvasStyle: 0 })).toEqual(STRATEGIES.light);
    expect(stepsOf('none')).toEqual([]);
  });

  it('refuses a probability that is none', () => {
    expect(() => stepsOf('light', { mixup: 1.5 })).toThrow(
      expect.objectContaining({ code: 'ROBLE_CONFIG_INVALID' }),
    );
  });
});
