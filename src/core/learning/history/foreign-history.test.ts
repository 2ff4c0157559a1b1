import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RobleError } from '../../base/errors.js';
import { readForeignHistory } from './foreign-history.js';

function read(value: unknown) {
  const warnings: string[] = [];
  return { ...readForeignHistory(value, 'history.json', (message) => warnings.push(message)), warnings };
}

describe('a history of another program', () => {
  it('is columns, as those of Keras', () => {
    const { format, epochs, warnings } = read({
      loss: [1.5, 1],
      accuracy: [0.4, 0.6],
      val_loss: [1.6, 1.2],
      val_accuracy: [0.3, 0.5],
      lr: [0.01, 0.001],
    });
    expect(format).toBe('columns');
    expect(warnings).toEqual([]);
    expect(epochs[1]).toEqual({
      epoch: 2,
      metrics: { loss: 1, accuracy: 0.6, valLoss: 1.2, valAccuracy: 0.5, learningRate: 0.001 },
    });
  });

  it('is a list of epochs, counted from 0 or 1, with groups', () => {
    const rows = [
      { epoch: 0, train: { loss: 2, acc: 0.1 }, val: { loss: 2.1 } },
      { epoch: 1, train: { loss: 1, acc: 0.2 }, val: { loss: 1.1 } },
    ];
    for (const value of [
      rows,
      { history: rows },
      { epochs: rows.map((row) => ({ ...row, epoch: row.epoch + 1 })) },
    ])
      expect(read(value).epochs).toEqual([
        { epoch: 1, metrics: { loss: 2, accuracy: 0.1, valLoss: 2.1 } },
        { epoch: 2, metrics: { loss: 1, accuracy: 0.2, valLoss: 1.1 } },
      ]);
  });

  it('has percentages made to shares, and says so', () => {
    const { epochs, warnings } = read({ train_acc: [12, 50], val_acc: [0.1, 0.45] });
    expect(epochs[1]!.metrics).toEqual({ accuracy: 0.5, valAccuracy: 0.45 });
    expect(warnings).toEqual([expect.stringContaining('"accuracy" holds percentages')]);
  });

  it('has test metrics taken for validation only where there is none', () => {
    const alone = read({ train_loss: [1], test_loss: [2] });
    expect(alone.epochs[0]!.metrics).toEqual({ loss: 1, valLoss: 2 });
    expect(alone.warnings).toHaveLength(1);
    expect(read({ val_loss: [1], test_loss: [2] }).epochs[0]!.metrics).toEqual({ valLoss: 1, testLoss: 2 });
  });

  it('keeps unknown metrics, and says what it leaves out', () => {
    const { epochs, warnings } = read([
      { loss: 1, my_metric: 7, saved: true, file: 'a.pt', acc: 0.5, accuracy: 0.6 },
      { loss: 'oops', my_metric: null, saved: true, file: 'b.pt', acc: 0.7, accuracy: 0.8 },
    ]);
    expect(epochs.map(({ metrics }) => metrics)).toEqual([
      { loss: 1, myMetric: 7, accuracy: 0.5 },
      { loss: null, myMetric: null, accuracy: 0.7 },
    ]);
    for (const part of ['"loss" has 1 values', 'saved, file', '"accuracy" is left out'])
      expect(warnings.join('\n')).toContain(part);
  });

  it('may have columns of different lengths', () => {
    const { epochs, warnings } = read({ loss: [3, 2, 1], val_loss: [3, 2] });
    expect(epochs[2]).toEqual({ epoch: 3, metrics: { loss: 1 } });
    expect(warnings.join()).toContain('valLoss (2 of 3)');
  });

  it.each([
    [null],
    [[]],
    [{}],
    [{ loss: [] }],
    ['text'],
    [{ epoch: [1, 2] }],
    [[1, 2, 3]],
    [{ accuracy: [250] }],
    [{ accuracy: [-1] }],
  ])('is refused when it is %j', (value) =>
    expect(() => read(value)).toThrow(expect.objectContaining({ code: 'ROBLE_HISTORY_INVALID' })),
  );

  it('gives epochs or a coded error, whatever it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        try {
          const { epochs } = read(value);
          expect(epochs.length).toBeGreaterThan(0);
          expect(epochs.every(({ epoch }, i) => epoch > (epochs[i - 1]?.epoch ?? 0))).toBe(true);
        } catch (error) {
          if (!(error instanceof RobleError) || error.code !== 'ROBLE_HISTORY_INVALID') throw error;
        }
      }),
      { numRuns: 500 },
    );
  });
});
