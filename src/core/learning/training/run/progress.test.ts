import { describe, expect, it } from 'vitest';
import type { EpochRecord } from '../../history/record.js';
import { INITIAL_HEALTH } from '../policies/health.js';
import { advance, epochInWork, initialProgress, meansOf, type ProgressUpdate } from './progress.js';

const MEMORY = { microbatchSize: 8, evaluationBatchSize: 64, evaluationAskedFor: 64, patience: 1 };
const START = initialProgress({
  run: 'an-id',
  dataFingerprint: 'f',
  memory: MEMORY,
  madeOn: { engine: 'onnx', device: 'cpu', threads: 1 },
});
const stepOf = (loss: number, applied = true, health = INITIAL_HEALTH): ProgressUpdate => ({
  type: 'step',
  metrics: { loss, accuracy: 0.5, gradientNorm: 2, applied },
  learningRate: 0.1,
  seconds: 0.25,
  health,
});
const record = { epoch: 1, valLoss: 1 } as EpochRecord;

/** Frozen through and through, so that a change in place is an error. */
function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(frozen);
  return value;
}

describe('advance', () => {
  it('changes nothing in place', () => {
    const updates = [stepOf(1), { type: 'memory', memory: MEMORY }, { type: 'epoch', record }] as const;
    expect(() =>
      updates.reduce((progress, update) => frozen(advance(progress, update)), frozen(START)),
    ).not.toThrow();
  });

  it('counts every batch, and means only the steps that were applied', () => {
    const updates = [stepOf(1), stepOf(Number.NaN, false), stepOf(4)];
    const { step, current } = updates.reduce(advance, START);
    expect([step, current.steps, current.applied, current.seconds]).toEqual([3, 3, 2, 0.75]);
    expect(meansOf(current, 16)).toEqual({
      loss: 2.5,
      accuracy: 0.5,
      gradientNorm: 2,
      learningRate: 0.1,
      imagesPerSecond: (3 * 16) / 0.75,
    });
  });

  it('begins the sums of the next epoch where one is complete', () => {
    const before = advance(START, stepOf(1));
    const after = advance(before, { type: 'epoch', record });
    expect(after).toMatchObject({ step: 1, epochs: [record], current: START.current });
    expect([START, before, after].map(epochInWork)).toEqual([0, 1, 1]);
  });

  it('forgives roll-backs after an epoch without one', () => {
    const epoch: ProgressUpdate = { type: 'epoch', record };
    const rolledBack = { ...INITIAL_HEALTH, rollbacks: 2, learningRateFactor: 0.5 };
    const first = [stepOf(1, false, rolledBack), epoch].reduce(advance, START);
    expect(first.health).toEqual(rolledBack);
    const second = [stepOf(1, true, rolledBack), epoch].reduce(advance, first);
    expect(second.health).toEqual({ ...rolledBack, rollbacks: 0 });
    expect(second.healthAtEpochStart).toBe(second.health);
  });
});
