import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Curves,
  epochsOf,
  evaluationOf,
  HEALTHY,
  recordedRun,
} from '../../../../../test/support/history.js';
import type { HistoryEvent } from '../../history/record.js';
import type { RecordedRun } from '../../history/recorded-run.js';
import { analyzeRun } from '../analyze-run.js';

/** What is found in a run of 20 epochs with these curves instead of healthy ones. */
function findings(curves: Curves = {}, more: Partial<RecordedRun> = {}) {
  return analyzeRun(recordedRun(epochsOf(20, { ...HEALTHY, ...curves }), more)).findings;
}
const kinds = (...args: Parameters<typeof findings>) => findings(...args).map(({ kind }) => kind);
const find = (kind: string, ...args: Parameters<typeof findings>) =>
  findings(...args).find((finding) => finding.kind === kind)!;
const keysOf = (finding: ReturnType<typeof find>) => finding.suggestions.map(({ key }) => key);
const event = (
  name: HistoryEvent['event'],
  step: number,
  more: Partial<HistoryEvent> = {},
): HistoryEvent => ({
  event: name,
  time: '2026-01-01T00:00:00.000Z',
  step,
  ...more,
});
const COMPLETED = event('completed', 2000);

describe('the findings of a run', () => {
  it('are none where nothing is wrong, but that it converged', () => {
    expect(findings().filter(({ severity }) => severity !== 'info')).toEqual([]);
  });

  it('tell over-fitting: since when, how much, and whether the accuracy suffers', () => {
    const valLoss = (epoch: number) => (epoch <= 8 ? 1 - epoch / 10 : 0.2 + (epoch - 8) * 0.02);
    const mild = find('over-fitting', { valLoss });
    expect(mild.severity).toBe('warning');
    expect(mild.evidence.epochs).toEqual([8, 20]);
    // The last three epochs have 0.40, 0.42 and 0.44: 110 % above the lowest.
    expect(mild.evidence.metrics.rise).toBeCloseTo(1.1, 10);
    expect(mild.message).toContain('110.0 %');
    const severe = find('over-fitting', {
      valLoss,
      valAccuracy: (epoch) => 0.9 - Math.abs(epoch - 8) * 0.01,
    });
    expect(severe.severity).toBe('problem');
  });

  it('do not tell over-fitting when both losses rise, or the rise is within noise', () => {
    const rising = (epoch: number) => 0.2 + Math.abs(epoch - 8) * 0.02;
    expect(kinds({ valLoss: rising, loss: rising })).not.toContain('over-fitting');
    expect(kinds({ valLoss: (epoch) => 0.5 + (epoch > 8 ? 0.02 : 0) })).not.toContain('over-fitting');
  });

  it('suggest only what the run did not do already', () => {
    const curves = { valLoss: (epoch: number) => 0.2 + Math.abs(epoch - 8) * 0.02 };
    expect(keysOf(find('over-fitting', curves))).toContain('train.labelSmoothing');
    const settings = { train: { labelSmoothing: 0.1, mixupAlpha: 0.2, earlyStopping: { patience: 5 } } };
    expect(keysOf(find('over-fitting', curves, { settings }))).toEqual([]);
  });

  it('tell the gap between training and validation', () => {
    const finding = find('generalisation-gap', { valAccuracy: (epoch) => 0.7 - 0.5 * Math.exp(-epoch / 3) });
    expect(finding).toMatchObject({ severity: 'problem', evidence: { epochs: [20] } });
  });

  it('tell a plateau: since when, and what the learning rate was doing', () => {
    const valAccuracy = (epoch: number) => Math.min(0.8, 0.4 + epoch * 0.05);
    const constant = find('plateau', { valAccuracy, learningRate: () => 0.001 });
    expect(constant).toMatchObject({ severity: 'warning', evidence: { epochs: [8, 20] } });
    expect(keysOf(constant)).toContain('train.schedule');
    const annealed = find('plateau', { valAccuracy });
    expect(annealed.severity).toBe('info');
    expect(keysOf(annealed)).not.toContain('train.schedule');
  });

  it('tell that a run could have gone on, and do not where it over-fits', () => {
    const valAccuracy = (epoch: number) => 0.3 + epoch * 0.03;
    const curves = { valAccuracy, accuracy: valAccuracy };
    expect(find('still-improving', curves).suggestions[0]).toMatchObject({
      key: 'train.epochs',
      change: '30',
    });
    const over = { ...curves, valLoss: (epoch: number) => 0.2 + Math.abs(epoch - 8) * 0.02 };
    expect(find('still-improving', over).suggestions).toEqual([]);
  });

  it('tell a network that does not learn, and one that does not fit', () => {
    expect(find('not-learning', { loss: (epoch) => 2.3 - epoch * 0.001 }).severity).toBe('problem');
    const low = { accuracy: () => 0.7, valAccuracy: () => 0.72 };
    expect(find('under-fitting', low).suggestions[0]!.why).toContain('2.0 points better');
    expect(kinds(low, { settings: { train: { mixupAlpha: 0.2 } } })).not.toContain('under-fitting');
  });

  it('tell spikes: where, and how high', () => {
    const loss = (epoch: number) => (epoch === 12 ? 4 : 1 - epoch * 0.02);
    const finding = find('spike', { loss });
    expect(finding.evidence).toEqual({ epochs: [12], metrics: { loss: 4, usual: expect.closeTo(0.82, 10) } });
    expect(finding.message).toContain('epoch 12');
    expect(kinds({ loss: (epoch) => 1 - epoch * 0.02 + (epoch % 2) * 0.2 })).not.toContain('spike');
  });

  it('tell values that are not finite', () => {
    const finding = find('not-finite', { loss: (epoch) => (epoch > 17 ? null : 1) });
    expect(finding).toMatchObject({ severity: 'problem', evidence: { epochs: [18, 19, 20] } });
  });

  it('tell skipped steps, and the samples that were in several of them', () => {
    const events = [
      event('step-skipped', 20, { samples: [4, 9] }),
      event('step-skipped', 60, { samples: [9, 11] }),
      event('rolled-back', 61),
      COMPLETED,
    ];
    const finding = find('skipped-steps', {}, { events });
    expect(finding.message).toBe(
      '2 steps were not applied, with impossible or wild numbers; the run was rolled back 1 time.',
    );
    expect(finding.suggestions.map(({ key, change }) => `${key}: ${change}`)).toEqual([
      'train.schedule.warmupEpochs: 1',
      'dataset: look at the training images 9',
    ]);
  });

  it('tell a validation accuracy that goes up and down', () => {
    const valAccuracy = (epoch: number) => 0.8 + (epoch % 2) * 0.05;
    expect(keysOf(find('noisy-validation', { valAccuracy }))).toEqual(['train.emaDecay']);
  });

  it('tell classes that suffer from being small, or are never recognised', () => {
    const diagonal = (recalls: readonly number[], supports: readonly number[]) =>
      recalls.map((recall, i) =>
        recalls.map((_, j) => {
          const right = Math.round(recall * supports[i]!);
          return j === i ? right : j === (i + 1) % recalls.length ? supports[i]! - right : 0;
        }),
      );
    const imbalanced = evaluationOf(diagonal([0.95, 0.9, 0.9, 0.6, 0.5, 0], [100, 90, 80, 20, 10, 8]));
    const more = { evaluation: imbalanced };
    expect(keysOf(find('class-imbalance', {}, more))).toEqual(['train.classWeights']);
    expect(find('dead-classes', {}, more).message).toContain('"5" (8)');
    const balanced = { evaluation: evaluationOf(diagonal([0.95, 0.9, 0.92, 0.93], [50, 50, 50, 50])) };
    expect(kinds({}, balanced)).not.toContain('class-imbalance');
  });

  it('tell of every class without a right answer: never recognised, too small to judge, or without samples', () =>
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(9), fc.boolean()), { minLength: 2, maxLength: 20 }), (classes) => {
        // Each class has so many samples, all right or all taken for the next class.
        const confusion = classes.map(([support, isRight], i) =>
          classes.map((_, j) => (j === (isRight ? i : (i + 1) % classes.length) ? support : 0)),
        );
        const missed = classes.filter(([support, isRight]) => support > 0 && !isRight);
        const counts = {
          classes: missed.filter(([support]) => support >= 5).length,
          tooFewSamples: missed.filter(([support]) => support < 5).length,
          withoutSamples: classes.filter(([support]) => support === 0).length,
        };
        const more = { evaluation: evaluationOf(confusion) };
        const total = Object.values(counts).reduce((sum, count) => sum + count);
        if (total === 0) {
          expect(kinds({}, more)).not.toContain('dead-classes');
          return;
        }
        const { message, evidence, severity } = find('dead-classes', {}, more);
        expect(evidence.metrics).toEqual(counts);
        expect(severity).toBe(counts.classes > 0 ? 'problem' : 'info');
        for (const count of Object.values(counts))
          if (count > 0) expect(message).toMatch(new RegExp(`\\b${count} class`));
      }),
    ));

  it('tell the pairs that make up the error, but not of twins as news', () => {
    const confusion = [
      [80, 15, 1],
      [12, 85, 0],
      [1, 0, 99],
    ];
    const evaluation = evaluationOf(confusion, ['O', '0', 'x']);
    const finding = find('confused-pairs', {}, { evaluation });
    expect(finding.message).toContain('"O" and "0" (27)');
    expect(finding.suggestions[0]).toMatchObject({ key: 'train.twins', change: '[["O","0"]]' });
    const known = find('confused-pairs', {}, { evaluation: { ...evaluation, twins: [['O', '0']] } });
    expect(known.suggestions.map(({ change }) => change)).not.toContain('[["O","0"]]');
  });

  it('tell probabilities that are off, and not those that only look so by chance', () => {
    const evaluation = evaluationOf([
      [80, 20],
      [20, 80],
    ]);
    const bins = (count: number) => [{ count, confidence: 0.95, accuracy: 0.8 }];
    const off = { ...evaluation, calibration: bins(200), expectedCalibrationError: 0.15 };
    expect(keysOf(find('calibration', {}, { evaluation: off }))).toEqual(['train.labelSmoothing']);
    const few = { ...off, calibration: bins(4) };
    expect(kinds({}, { evaluation: few })).not.toContain('calibration');
  });

  it('tell what happened to the process, the memory and the disk', () => {
    const events = [
      event('out-of-memory', 3),
      event('microbatch-changed', 3, { microbatchSize: 16 }),
      event('worker-ended', 9, { cause: 'heartbeat-lost' }),
      event('checkpoint-failed', 12, { detail: 'There is no space left on the disk.' }),
      event('interrupted', 100),
    ];
    expect(kinds({}, { events })).toEqual(
      expect.arrayContaining(['memory', 'process-ended', 'checkpoints', 'unfinished']),
    );
    expect(find('memory', {}, { events }).suggestions[0]).toMatchObject({
      key: 'train.microbatchSize',
      change: '16',
    });
    expect(kinds({}, { events: [event('failed', 5)] })).toContain('unfinished');
    expect(kinds({}, { format: 'columns', events: [] })).not.toContain('unfinished');
  });

  it('tell what slows a run down', () => {
    expect(keysOf(find('slow-evaluation', { evaluationSeconds: () => 9 }))).toContain(
      'train.evaluationBatchSize',
    );
    expect(kinds({ imagesPerSecond: (epoch) => (epoch < 10 ? 900 : 300) })).toContain('slow-down');
  });
});
