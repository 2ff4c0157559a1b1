import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linesOf } from '../../base/storage/text-file.js';
import { type CsvRow, CsvRows } from './csv-rows.js';

async function* linesIn(text: string): AsyncGenerator<string> {
  yield* linesOf(text);
}

async function read(
  text: string,
  { names = ['a', 'b'], delimiter }: { names?: string[]; delimiter?: string } = {},
) {
  const rows = new CsvRows(linesIn(text));
  const header = await rows.header(delimiter, (found) => found.join() === names.join());
  const all: CsvRow[] = [];
  if (header) for await (const row of rows.rows(header)) all.push(row);
  return { header, rows: all };
}

/** As RFC 4180 writes a field; what blanks or quotes it begins with is quoted too. */
function written(field: string, delimiter: string): string {
  const isPlain = field.trim() === field && !/["\r\n]/.test(field) && !field.includes(delimiter);
  return isPlain ? field : `"${field.replaceAll('"', '""')}"`;
}

const field = fc
  .array(
    fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('"', '""', ',', ';', '\t', '|', '\n', ' ')),
  )
  .map((parts) => parts.join('').replaceAll('\r', ''));
const delimiters = fc.constantFrom(',', ';', '\t', '|');

describe('rows of a CSV file', () => {
  it('are what was written, whatever separates them, each with the number of its line', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(field, field)),
        delimiters,
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.boolean(),
        async (fields, delimiter, lineBreak, isGiven) => {
          const lines = [['a', 'b'], ...fields].map((row) =>
            row.map((value) => written(value, delimiter)).join(delimiter),
          );
          const text = lines.join('\n').replaceAll('\n', lineBreak);
          const { header, rows } = await read(text, isGiven ? { delimiter } : {});
          expect(header).toMatchObject({ names: ['a', 'b'], delimiter });
          let line = 2;
          const expected = fields.flatMap((row, i) => {
            const start = line;
            line += lines[i + 1]!.split('\n').length;
            // A row of nothing between tabs is an empty line.
            return lines[i + 1]!.trim() === '' ? [] : [{ line: start, fields: row }];
          });
          expect(rows).toEqual(expected);
        },
      ),
      { seed: 4 },
    );
  });

  it.each([
    ['never closed', '"x,A'],
    ['closed too early', '"x"y,A'],
    ['not written twice', '"a "b" c",A'],
  ])('with a quote that is %s are bad alone', async (_, bad) => {
    const { rows } = await read(`a,b\n1,A\n${bad}\n2,"B"\n3,5" disk\n"4",C\n`);
    expect(rows).toEqual([
      { line: 2, fields: ['1', 'A'] },
      { line: 3, problem: expect.stringContaining('quote') },
      { line: 4, fields: ['2', 'B'] },
      { line: 5, fields: ['3', '5" disk'] },
      { line: 6, fields: ['4', 'C'] },
    ]);
  });

  it('are not swallowed by a quote that the end of another row closes', async () => {
    const { rows } = await read('a,b\n"1,A\n2,B\n3,5"\n4,C\n');
    expect(rows.map((row) => [row.line, 'fields' in row])).toEqual([
      [2, false],
      [3, true],
      [4, true],
      [5, true],
    ]);
  });

  it('are separated as the first line says, or the caller, and otherwise so that the header has most names', async () => {
    expect((await read('sep=;\na;b\n1;x,y\n')).rows).toEqual([{ line: 3, fields: ['1', 'x,y'] }]);
    expect((await read('a:b\n1:x\n', { delimiter: ':' })).rows).toEqual([{ line: 2, fields: ['1', 'x'] }]);
    expect((await read('p;q, r;s\n')).header!.names).toEqual(['p', 'q, r', 's']);
    expect((await read('\n \n')).header).toBeUndefined();
  });
});
