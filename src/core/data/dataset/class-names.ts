import { stat } from 'node:fs/promises';
import { RobleError } from '../../base/errors.js';
import { normalName, repeatedNames } from '../../base/names.js';
import { linesOf, readTextFile, type TextOptions } from '../../base/storage/text-file.js';

const CODE = /^U\+([0-9A-Fa-f]{4,6})$/;
const CODE_RANGE = /^U\+([0-9A-Fa-f]{4,6})\.\.U\+([0-9A-Fa-f]{4,6})$/;
const RANGES = /^(?:.-.)+$/u;

/**
 * Class names from a text: names separated by commas, where `0-9` or `a-zA-Z` stands for each character of the ranges,
 * `U+0041` for a character by its code, and `U+0021..U+007E` for all from one code to another.
 *
 * @example
 * parseClasses('0-9a-z').length; // 36
 * parseClasses('cat,dog,U+002C'); // ['cat', 'dog', ',']
 * @throws {RobleError} `ROBLE_USAGE`
 */
export function parseClasses(text: string): string[] {
  return checkClasses(text.split(',').flatMap((item) => expand(item.trim()) ?? [item.trim()]));
}

/**
 * Characters from a text: as {@link parseClasses}, but a word stands for its letters.
 *
 * @example
 * parseCharacters('0-9,+='); // 12 characters
 */
export function parseCharacters(text: string): string[] {
  return checkClasses(text.split(',').flatMap((item) => expand(item.trim()) ?? [...item.trim()]));
}

/**
 * Like {@link parseClasses}; a value that names a file stands for its lines, one class a line, as they are.
 *
 * @throws {RobleError} also `ROBLE_TEXT_INVALID`
 */
export async function readClasses(value: string, options: TextOptions = {}): Promise<string[]> {
  const isFile = await stat(value).then(
    (found) => found.isFile(),
    () => false,
  );
  if (!isFile) return parseClasses(value);
  return checkClasses(linesOf(await readTextFile(value, options)));
}

function expand(item: string): string[] | undefined {
  const [, low, high] = CODE_RANGE.exec(item) ?? [];
  if (low && high) return charactersBetween(Number.parseInt(low, 16), Number.parseInt(high, 16), item);
  const [, code] = CODE.exec(item) ?? [];
  if (code) return charactersBetween(Number.parseInt(code, 16), Number.parseInt(code, 16), item);
  if (!RANGES.test(item)) return undefined;
  const points = [...item];
  const names: string[] = [];
  for (let i = 0; i < points.length; i += 3)
    names.push(...charactersBetween(points[i]!.codePointAt(0)!, points[i + 2]!.codePointAt(0)!, item));
  return names;
}

function charactersBetween(low: number, high: number, item: string): string[] {
  if (low > high || high > 0x10ffff)
    throw new RobleError('ROBLE_USAGE', `"${item}" is no range of characters.`, {
      received: item,
      expected: 'a range from a lower to a higher character, such as a-z or U+0021..U+007E',
    });
  return Array.from({ length: high - low + 1 }, (_, i) => String.fromCodePoint(low + i));
}

/**
 * Names of classes in the form in which they are kept, in their order.
 *
 * @throws {RobleError} `ROBLE_USAGE` for an empty name, and for a class that is listed twice
 */
export function checkClasses(names: readonly string[]): string[] {
  if (names.includes(''))
    throw new RobleError('ROBLE_USAGE', 'A class has no name.', {
      received: names,
      nextSteps: ['Write a comma as U+002C, and a space as U+0020.'],
    });
  const twice = repeatedNames(names);
  if (twice.length > 0)
    throw new RobleError(
      'ROBLE_USAGE',
      `A class is listed twice: ${twice.map((name) => `"${name}"`).join(', ')}.`,
      {
        received: twice,
        expected: 'each class once; names that differ in Unicode normalisation alone are one class',
      },
    );
  return names.map(normalName);
}

/**
 * The order of classes that nobody listed: numbers by value when all are numbers, otherwise by character code, which
 * is the same on every machine.
 */
export function sortClasses(names: Iterable<string>): string[] {
  const sorted = [...names].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return sorted.every((name) => /^\d{1,9}$/.test(name))
    ? sorted.sort((a, b) => Number(a) - Number(b))
    : sorted;
}
