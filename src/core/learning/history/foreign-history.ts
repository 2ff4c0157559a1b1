import { RobleError } from '../../base/errors.js';
import { isShare, metricName } from './metrics.js';
import type { HistoryFormat, RecordedEpoch } from './recorded-run.js';

/** Keys under which programs put the whole history, or its columns. */
const WRAPPERS = ['history', 'epochs', 'metrics', 'logs'];

export interface ForeignHistory {
  readonly format: Exclude<HistoryFormat, 'roble'>;
  readonly epochs: readonly RecordedEpoch[];
}

/**
 * A history that another program wrote: columns as in Keras (`{ loss: [...], val_loss: [...] }`), or a list of epochs
 * (`[{ epoch: 0, train_loss: ..., val_acc: ... }]`); groups such as `{ train: { loss: [...] } }` are opened. Names
 * become those of roble, and percentages become shares.
 *
 * @param warn hears of all that is not taken as it is written
 * @throws {RobleError} `ROBLE_HISTORY_INVALID`
 */
export function readForeignHistory(
  value: unknown,
  file: string,
  warn: (message: string) => void,
): ForeignHistory {
  const content = unwrapped(value);
  const format = Array.isArray(content) ? 'epochs' : 'columns';
  const written = Array.isArray(content) ? columnsOfRows(content) : columnsOf(content);
  const columns = numericColumns(written, warn);
  const epochColumn = columns.get('epoch');
  columns.delete('epoch');
  if (columns.size === 0) throw unknownForm(file);
  const named = namedAsHere(columns, warn);
  const shares = [...named].map(
    ([name, values]) => [name, isShare(name) ? asShares(name, values, file, warn) : values] as const,
  );
  const length = Math.max(...shares.map(([, values]) => values.length));
  warnOfShortColumns(shares, length, warn);
  const numbers = epochNumbers(epochColumn, length);
  const epochs = numbers.map((epoch, i) => ({
    epoch,
    metrics: Object.fromEntries(
      shares.flatMap(([name, values]) => (i in values ? [[name, values[i]!]] : [])),
    ),
  }));
  return { format, epochs };
}

/** Values of one name, epoch by epoch; an epoch without a value is an empty slot, one whose value is not finite is null. */
type Columns = Map<string, (number | null)[]>;

function unwrapped(value: unknown): unknown {
  if (!isObject(value)) return value;
  const key = WRAPPERS.find((name) => Object.hasOwn(value, name) && holdsMore(value[name]));
  return key === undefined ? value : unwrapped(value[key]);
}

function holdsMore(value: unknown): boolean {
  return isObject(value) || (Array.isArray(value) && value.some(isObject));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The columns of nested groups, their keys joined by an underscore. */
function columnsOf(value: unknown, prefix = ''): Map<string, unknown[]> {
  const columns = new Map<string, unknown[]>();
  if (!isObject(value)) return columns;
  for (const [key, inner] of Object.entries(value)) {
    if (Array.isArray(inner)) columns.set(prefix + key, inner);
    else for (const [name, values] of columnsOf(inner, `${prefix}${key}_`)) columns.set(name, values);
  }
  return columns;
}

function columnsOfRows(rows: readonly unknown[]): Map<string, unknown[]> {
  const columns = new Map<string, unknown[]>();
  for (const [i, row] of rows.entries())
    for (const [key, value] of leavesOf(row)) {
      const column = columns.get(key) ?? [];
      column[i] = value;
      columns.set(key, column);
    }
  return columns;
}

function leavesOf(value: unknown, prefix = ''): [string, unknown][] {
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, inner]): [string, unknown][] =>
    isObject(inner) ? leavesOf(inner, `${prefix}${key}_`) : [[prefix + key, inner]],
  );
}

function numericColumns(columns: ReadonlyMap<string, unknown[]>, warn: (message: string) => void): Columns {
  const numeric: Columns = new Map();
  const ignored: string[] = [];
  for (const [key, values] of columns) {
    const strange = values.filter((value) => value !== null && typeof value !== 'number');
    if (!values.some((value) => typeof value === 'number')) {
      ignored.push(key);
      continue;
    }
    if (strange.length > 0)
      warn(`"${key}" has ${strange.length} values that are no numbers; they are left out.`);
    // By map, which leaves empty slots empty.
    numeric.set(
      key,
      values.map((value) => (typeof value === 'number' ? value : null)),
    );
  }
  if (ignored.length > 0) warn(`Left out what holds no numbers: ${ignored.join(', ')}.`);
  return numeric;
}

/** The numbers of the epochs from 1: those in the file when they can be that, else their positions. */
function epochNumbers(column: readonly (number | null)[] = [], length: number): number[] {
  const offset = column[0] === 0 ? 1 : 0;
  const numbers = Array.from({ length }, (_, i) => (column[i] ?? Number.NaN) + offset);
  const rising = numbers.every(
    (number, i) => Number.isSafeInteger(number) && number > (i === 0 ? 0 : numbers[i - 1]!),
  );
  return rising ? numbers : numbers.map((_, i) => i + 1);
}

/** The columns under the names of roble. What is measured on test data stands for validation where there is none. */
function namedAsHere(columns: Columns, warn: (message: string) => void): Columns {
  const names = [...columns.keys()].map(metricName);
  const testIsValidation = !names.some((name) => /^val\p{Lu}/u.test(name));
  const named: Columns = new Map();
  for (const [key, values] of columns) {
    const plain = metricName(key) || key;
    const name = testIsValidation ? plain.replace(/^test(?=\p{Lu})/u, 'val') : plain;
    if (name !== plain) warn(`"${key}" is taken for "${name}": there are no validation metrics.`);
    if (named.has(name)) warn(`"${key}" is left out: another column is "${name}" already.`);
    else named.set(name, values);
  }
  return named;
}

/** Percentages as shares; values up to 1 are shares already. */
function asShares(name: string, values: (number | null)[], file: string, warn: (message: string) => void) {
  const numbers = values.filter((value) => value !== null);
  const wrong = numbers.find((value) => value < 0 || value > 100);
  if (wrong !== undefined)
    throw new RobleError('ROBLE_HISTORY_INVALID', `"${name}" in ${file} is no share and no percentage.`, {
      received: wrong,
      expected: 'numbers from 0 to 1, or from 0 to 100',
    });
  if (!numbers.some((value) => value > 1)) return values;
  warn(`"${name}" holds percentages; they were divided by 100.`);
  return values.map((value) => (value === null ? null : value / 100));
}

function warnOfShortColumns(
  columns: readonly (readonly [string, readonly unknown[]])[],
  length: number,
  warn: (message: string) => void,
): void {
  const short = columns.filter(([, values]) => values.length < length);
  if (short.length === 0) return;
  const list = short.map(([name, values]) => `${name} (${values.length} of ${length})`).join(', ');
  warn(`Some columns are shorter than the others: ${list}.`);
}

function unknownForm(file: string): RobleError {
  return new RobleError('ROBLE_HISTORY_INVALID', `${file} holds no history in a form that is known.`, {
    expected:
      'a history of roble, columns such as {"loss": [...], "val_loss": [...]}, or a list such as [{"epoch": 1, "loss": ...}]',
  });
}
