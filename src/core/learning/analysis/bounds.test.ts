import { describe, expect, it } from 'vitest';
import { checkBounds, parseBound } from './bounds.js';

const METRICS = new Map<string, number | null>([
  ['loss', 0.5],
  ['valAccuracy', 0.6],
  ['valLoss', 0.9],
  ['gradientNorm', null],
]);
const check = (...bounds: [metric: string, failsWhen: 'under' | 'over', limit: number][]) =>
  checkBounds(
    'run',
    METRICS,
    bounds.map(([metric, failsWhen, limit]) => ({ metric, failsWhen, limit })),
  );

describe('a bound', () => {
  it.each([
    ['valAccuracy', 'under', 0.5, true],
    ['valAccuracy', 'under', 0.6, true],
    ['valAccuracy', 'under', 0.61, false],
    ['valLoss', 'over', 0.8, false],
    ['valLoss', 'over', 0.9, true],
    ['valLoss', 'over', 1, true],
    ['gradientNorm', 'under', 0, false],
    ['gradientNorm', 'over', 1, false],
  ] as const)('of %s that fails %s %d: %s', (metric, failsWhen, limit, met) => {
    const value = METRICS.get(metric);
    expect(check([metric, failsWhen, limit])).toEqual([{ run: 'run', metric, failsWhen, limit, value, met }]);
  });

  it('is one of several, each answered in its place', () => {
    const results = check(['valAccuracy', 'under', 0.5], ['valLoss', 'over', 0.8], ['loss', 'over', 1]);
    expect(results.map(({ metric, met }) => [metric, met])).toEqual([
      ['valAccuracy', true],
      ['valLoss', false],
      ['loss', true],
    ]);
  });

  it('of a metric that is not there is refused, naming those that are', () => {
    expect(() => check(['valAcuracy', 'under', 0.5])).toThrow(
      expect.objectContaining({
        code: 'ROBLE_USAGE',
        details: expect.objectContaining({
          expected: 'one of loss, valAccuracy, valLoss, gradientNorm',
          nextSteps: ['Did you mean "valAccuracy"?'],
        }),
      }),
    );
  });

  it('is read from METRIC=NUMBER', () => {
    expect(parseBound(' valLoss = 0.7 ', 'over')).toEqual({
      metric: 'valLoss',
      failsWhen: 'over',
      limit: 0.7,
    });
  });

  it.each(['valAccuracy', 'valAccuracy=', '=0.5', 'valAccuracy=high', 'valAccuracy=Infinity'])(
    'is not: %s',
    (text) =>
      expect(() => parseBound(text, 'under')).toThrow(expect.objectContaining({ code: 'ROBLE_USAGE' })),
  );
});
