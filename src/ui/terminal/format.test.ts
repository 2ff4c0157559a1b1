import { expect, it } from 'vitest';
import { tableLines } from './format.js';

it('lines up text on the left and numbers on the right, without blanks at the end', () => {
  const columns = [{ title: 'Layer' }, { title: 'Count', numeric: true }, { title: 'Note' }];
  expect(
    tableLines(columns, [
      ['a', '1', ''],
      ['longer', '12,345', 'x'],
    ]),
  ).toEqual(['Layer    Count  Note', '------  ------  ----', 'a            1', 'longer  12,345  x']);
});

it('shows the titles of an empty table', () => {
  expect(tableLines([{ title: 'A' }], [])).toEqual(['A', '-']);
});
