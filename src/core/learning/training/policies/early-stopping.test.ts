import { describe, expect, it } from 'vitest';
import type { EpochRecord } from '../../history/record.js';
import { bestEpoch, stoppingReason } from './early-stopping.js';

/** Epochs with these values of every monitored metric. */
const epochsOf = (values: readonly number[]) =>
  values.map((value, i) => ({ epoch: i + 1, valLoss: value, valAccuracy: value }) as EpochRecord);
const options = { patience: 2, minDelta: 0, minEpochs: 0 };

/** The epoch after which a run with these values ends; undefined: it does not. */
function endOf(values: readonly number[], monitor: 'valLoss' | 'valAccuracy', changed = {}) {
  const all = epochsOf(values);
  const index = all.findIndex((_, i) =>
    stoppingReason(all.slice(0, i + 1), monitor, { ...options, ...changed }),
  );
  return index === -1 ? undefined : index + 1;
}

describe('stoppingReason', () => {
  it('ends after `patience` epochs without a better one, upwards or downwards', () => {
    expect(endOf([0.5, 0.6, 0.6, 0.55, 0.9], 'valAccuracy')).toBe(4);
    expect(endOf([0.5, 0.6, 0.4, 0.39, 0.38], 'valLoss')).toBe(undefined);
    expect(endOf([0.5, 0.6, 0.5, 0.3], 'valLoss')).toBe(3);
  });

  it('does not count a change of minDelta or less, however often', () => {
    expect(endOf([0.5, 0.51, 0.52, 0.53, 0.54], 'valAccuracy', { minDelta: 0.015 })).toBe(undefined);
    expect(endOf([0.5, 0.505, 0.51], 'valAccuracy', { minDelta: 0.02 })).toBe(3);
  });

  it('waits for minEpochs, and then ends at once when the patience is over', () => {
    expect(endOf([0.9, 0.1, 0.1, 0.1, 0.1, 0.1], 'valAccuracy', { minEpochs: 5 })).toBe(5);
    expect(endOf([0.9, 0.1, 0.1, 0.1, 0.95, 0.1], 'valAccuracy', { minEpochs: 5 })).toBe(undefined);
  });

  it('takes what is no number, as it is in memory and as JSON gives it back, for no improvement', () => {
    for (const nothing of [Number.NaN, null as unknown as number]) {
      expect(endOf([nothing, 3, 2, 1], 'valLoss')).toBe(undefined);
      expect(endOf([nothing, nothing, 2], 'valLoss')).toBe(2);
      expect(endOf([3, nothing, nothing], 'valLoss')).toBe(3);
    }
  });

  it('never ends a run with a patience of 0', () => {
    expect(endOf([0.9, 0.1, 0.1, 0.1, 0.1], 'valAccuracy', { patience: 0 })).toBe(undefined);
  });
});

it('bestEpoch takes the first of equals', () => {
  expect(bestEpoch(epochsOf([0.1, 0.7, 0.7, 0.2]), 'valAccuracy')?.epoch).toBe(2);
  expect(bestEpoch(epochsOf([0.7, 0.2, 0.2]), 'valLoss')?.epoch).toBe(2);
  expect(bestEpoch([], 'valLoss')).toBe(undefined);
});
