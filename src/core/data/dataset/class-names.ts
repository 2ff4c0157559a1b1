import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { RobleError } from '../../base/errors.js';
import { sha256 } from '../../base/storage/durable.js';
import { exists } from '../../base/storage/files.js';
import { linesOf, readTextFile, type TextOptions } from '../../base/storage/text-file.js';
import { normalName, repeatedNames } from '../../base/text/names.js';
import type { DatasetManifest } from './format.js';

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
    throw new RobleError('ROBLE_USAGE', `"${item}" is not a range of characters.`, {
      received: item,
      expected: 'a range from a lower to a higher character, such as a-z or U+0021..U+007E',
    });
  return Array.from({ length: high - low + 1 }, (_, i) => String.fromCodePoint(low + i));
}

/**
 * Names of classes in their normal form and in their order.
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
        expected: 'each class once; names that differ only in Unicode normalisation are one class',
      },
    );
  return names.map(normalName);
}

/**
 * The order of classes without a list: by value if all are numbers, otherwise by character code, which is the same on every
 * machine.
 */
export function sortClasses(names: Iterable<string>): string[] {
  const sorted = [...names].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return sorted.every((name) => /^\d{1,9}$/.test(name))
    ? sorted.sort((a, b) => Number(a) - Number(b))
    : sorted;
}

/** Whether a data set is of characters, which `data:synth` can draw: each class is one, and the pictures are grey. */
export function isOfCharacters({ classes, preprocessing }: DatasetManifest): boolean {
  return preprocessing.channels === 1 && classes.every((name) => [...name].length === 1);
}

/** The file beside exported data that keeps the order of the classes: one on each line, the first has index 0. */
export const CLASS_LIST = 'classes.txt';

/** A name with a control character, or one that looks like codes, would be read back as another one. */
const NO_LINE = /\p{C}|^U\+|^sha256-/u;

/** The content of {@link CLASS_LIST}. */
export function classListText(classes: readonly string[]): string {
  return classes.map((name) => `${NO_LINE.test(name) ? codesOf(name) : name}\n`).join('');
}

/**
 * The classes that a folder lists in {@link CLASS_LIST}, if it does.
 *
 * @throws {RobleError} `ROBLE_LABEL_RANGE` for a list with an empty line or with a class twice
 */
export async function readClassList(
  folder: string,
  options: TextOptions = {},
): Promise<string[] | undefined> {
  const path = join(folder, CLASS_LIST);
  if (!(await exists(path))) return undefined;
  const classes = linesOf(await readTextFile(path, options)).map((line) => classOfFolder(line));
  const bad = classes.includes('') ? '' : repeatedNames(classes)[0];
  if (bad === undefined) return classes;
  throw new RobleError('ROBLE_LABEL_RANGE', `${path} is not a list of classes.`, {
    received: bad === '' ? 'an empty line' : `"${bad}" twice`,
    expected: 'a class on each line, each once',
    nextSteps: ['Correct the file, or list the classes with --classes.'],
  });
}

/** Bytes of a name that every common file system accepts. */
const MAX_NAME_BYTES = 255;

/** Printable ASCII without the characters that have a meaning for some file system or shell: `/ \ : * ? " < > | ~`. */
const PLAIN = /^[ !#-)+-.0-9;=@A-Z[\]^_`a-z{}]+$/;
/** Hidden on Unix, or cut off by Windows. */
const TRIMMED = /^[. ]|[. ]$/;
/** Devices of Windows, with or without an extension. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$) *(?:\.|$)/i;
/** A name that looks like an encoded one has to be encoded itself. */
const ENCODED = /^(?:u\+|sha256-)/i;

const CODES = /^U\+[0-9A-Fa-f]{4,6}(?:_U\+[0-9A-Fa-f]{4,6})*$/;

/**
 * Folder names for classes, which no file system confuses, refuses or changes: a name that is plain ASCII stays as it
 * is; any other, and those that differ only in upper and lower case, become the codes of their characters
 * (`U+0041_U+00E9`), so that neither case nor Unicode normalisation matters. A name that is empty, or whose codes are too
 * long, becomes its SHA-256, which only a list of the classes can turn back.
 *
 * @param names each once
 * @returns in the same order; no two are equal, however case is folded
 * @example
 * folderNames(['cat', 'a', 'A', '/']); // ['cat', 'U+0061', 'U+0041', 'U+002F']
 */
export function folderNames(names: readonly string[]): string[] {
  const times = new Map<string, number>();
  for (const name of names) times.set(fold(name), (times.get(fold(name)) ?? 0) + 1);
  return names.map((name) => (isPlain(name) && times.get(fold(name)) === 1 ? name : encode(name)));
}

/**
 * The class that a folder stands for.
 *
 * @param classes if they are known, so that names can be found by their SHA-256
 * @example
 * classOfFolder('U+0041'); // 'A'
 */
export function classOfFolder(folder: string, classes: readonly string[] = []): string {
  const listed = folder.startsWith('sha256-') ? classes.find((name) => hashed(name) === folder) : undefined;
  return listed ?? decode(folder) ?? folder;
}

/** A name by the codes of its characters. */
function codesOf(name: string): string {
  return Array.from(name, (character) => {
    const code = character.codePointAt(0)!.toString(16).toUpperCase();
    return `U+${code.padStart(4, '0')}`;
  }).join('_');
}

function isPlain(name: string): boolean {
  return (
    name.length <= MAX_NAME_BYTES &&
    PLAIN.test(name) &&
    !TRIMMED.test(name) &&
    !DEVICE.test(name) &&
    !ENCODED.test(name)
  );
}

function encode(name: string): string {
  const codes = codesOf(name);
  return name === '' || codes.length > MAX_NAME_BYTES ? hashed(name) : codes;
}

/** Over UTF-16, because UTF-8 cannot tell one half of a surrogate pair from another. */
function hashed(name: string): string {
  return `sha256-${sha256(Buffer.from(name, 'utf16le'))}`;
}

function decode(folder: string): string | undefined {
  if (!CODES.test(folder)) return undefined;
  const codes = folder.split('_').map((code) => Number.parseInt(code.slice(2), 16));
  return codes.every((code) => code <= 0x10ffff) ? String.fromCodePoint(...codes) : undefined;
}

/** Enough for ASCII: all other names are encoded. */
const fold = (name: string): string => name.toLowerCase();
