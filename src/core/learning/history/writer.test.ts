import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import type { EpochRecord, RunHistory } from './record.js';
import { historyTable } from './writer.js';

const historyOf = (...epochs: object[]): RunHistory => ({
  format: 'roble-history',
  version: 1,
  run: {},
  epochs: epochs as EpochRecord[],
  events: [],
});

describe('historyTable', () => {
  it('has a header and a line an epoch, which a CSV reader reads back', () => {
    const first = { epoch: 1, loss: 0.1 + 0.2, learningRate: 1e-7 };
    const second = { epoch: 2, loss: 1, learningRate: 0.5 };
    const table = historyTable(historyOf(first, second));
    expect(table.split('\n')).toHaveLength(4);
    const rows = parse(table, {
      columns: true,
      cast: (value, { header }) => (header ? value : Number(value)),
    });
    expect(rows).toEqual([first, second]);
  });

  it('has a column for every field that some epoch has, and leaves it empty elsewhere', () => {
    const table = historyTable(historyOf({ epoch: 1 }, { epoch: 2, 'a, "b"': 3 }, { epoch: 3 }));
    expect(parse(table)).toEqual([
      ['epoch', 'a, "b"'],
      ['1', ''],
      ['2', '3'],
      ['3', ''],
    ]);
  });
});
