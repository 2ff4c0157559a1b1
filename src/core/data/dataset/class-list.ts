import { join } from 'node:path';
import { RobleError } from '../../base/errors.js';
import { repeatedNames } from '../../base/names.js';
import { exists } from '../../base/storage/exists.js';
import { linesOf, readTextFile, type TextOptions } from '../../base/storage/text-file.js';
import { classOfFolder, codesOf } from './safe-names.js';

/** The file beside exported data that keeps the order of the classes: one on each line, the first has index 0. */
export const CLASS_LIST = 'classes.txt';

/** A name with a control character, or that looks like codes, would not come back from a line. */
const NO_LINE = /\p{C}|^U\+|^sha256-/u;

/** The classes as the lines of {@link CLASS_LIST}. */
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
  throw new RobleError('ROBLE_LABEL_RANGE', `${path} is no list of classes.`, {
    received: bad === '' ? 'an empty line' : `"${bad}" twice`,
    expected: 'a class on each line, each once',
    nextSteps: ['Mend the file, or list the classes with --classes.'],
  });
}
