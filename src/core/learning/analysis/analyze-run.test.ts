import { describe, expect, it } from 'vitest';
import { epochsOf, evaluationOf, HEALTHY, recordedRun } from '../../../../test/support/history.js';
import { analyzeRun, judgedMetrics } from './analyze-run.js';
import { parseBound } from './bounds.js';

describe('the analysis of a run', () => {
  it('takes the monitor of the run, else the usual one, and the first of equal epochs', () => {
    const epochs = epochsOf(5, { ...HEALTHY, valAccuracy: (epoch) => Math.min(epoch, 3) / 10 });
    expect(analyzeRun(recordedRun(epochs))).toMatchObject({
      monitor: { metric: 'valAccuracy' },
      best: { epoch: 3 },
    });
    const settings = { train: { monitor: 'valLoss' } };
    expect(analyzeRun(recordedRun(epochs, { settings }))).toMatchObject({
      monitor: { metric: 'valLoss', mode: 'min' },
      best: { epoch: 5 },
    });
    const other = epochsOf(3, { score: (epoch) => -epoch });
    expect(analyzeRun(recordedRun(other, { settings: {} }))).toMatchObject({
      monitor: { metric: 'score' },
      best: { epoch: 1 },
    });
  });

  it('judges by the best epoch and by the evaluation', () => {
    const evaluation = {
      ...evaluationOf([
        [8, 2],
        [1, 9],
      ]),
      foldedAccuracy: 0.9,
    };
    const metrics = judgedMetrics(analyzeRun(recordedRun(epochsOf(3), { evaluation })));
    expect(metrics.get('balancedAccuracy')).toBe(0.85);
    expect(metrics.get('foldedAccuracy')).toBe(0.9);
    expect(metrics.get('valLoss')).toBe(HEALTHY.valLoss!(3));
  });
});

describe('a bound', () => {
  it('is a metric and a number', () => {
    expect(parseBound('valAccuracy=0.8', 'under')).toEqual({
      metric: 'valAccuracy',
      failsWhen: 'under',
      limit: 0.8,
    });
    for (const text of ['', 'valAccuracy', 'valAccuracy=', '=0.8', 'valAccuracy=high', 'valAccuracy=NaN'])
      expect(() => parseBound(text, 'over')).toThrow(expect.objectContaining({ code: 'ROBLE_USAGE' }));
  });
});
