import { describe, expect, it } from 'vitest';
import { judgeKpi } from './judge.js';

const at = (value: number, isLowerBound = false) => ({ value, source: 'here', isLowerBound });

describe('judgeKpi', () => {
  it.each([
    ['accuracy', 0.85, 0.85, 'met'],
    ['accuracy', 0.85, 0.8499, 'missed'],
    ['availability', 0.999, 1, 'met'],
    ['availability', 0.999, 0.99, 'missed'],
    ['latencyP99Ms', 150, 150, 'met'],
    ['latencyP99Ms', 150, 150.01, 'missed'],
    ['secondsPerEpoch', 60, 61, 'missed'],
  ] as const)('knows for %s of %d which side of the target is good: %d', (name, target, value, status) => {
    expect(judgeKpi(name, target, at(value))).toMatchObject({ measured: value, status });
  });

  it('takes what is known from below only as a miss or as nothing, never as a success', () => {
    expect(judgeKpi('latencyP99Ms', 150, at(30_000, true)).status).toBe('missed');
    expect(judgeKpi('latencyP99Ms', 30_000, at(30_000, true)).status).toBe('missed');
    expect(judgeKpi('latencyP99Ms', 60_000, at(30_000, true)).status).toBe('not-measured');
  });

  it('says why there is no measurement', () => {
    expect(judgeKpi('accuracy', 0.9, { missing: 'there is no run' })).toEqual({
      name: 'accuracy',
      target: 0.9,
      measured: null,
      status: 'not-measured',
      source: 'there is no run',
    });
  });
});
