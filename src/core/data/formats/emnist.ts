import { join } from 'node:path';
import { RobleError } from '../../base/errors.js';
import { exists } from '../../base/storage/exists.js';
import { linesOf, readTextFile } from '../../base/storage/text-file.js';

/** The sets of EMNIST by their names: `emnist-balanced-train` is of the set `emnist-balanced`. */
const PREFIX = /^(emnist-[a-z]+)-(?:train|test)$/;

/** The set of EMNIST that an IDX file's name (up to `-images`) says it is of. */
export function emnistSet(prefix: string): string | undefined {
  return PREFIX.exec(prefix)?.[1];
}

/**
 * The class of each label, from the mapping that lies beside the files of EMNIST (Cohen et al. 2017): lines of a label and
 * the code of its character, where a further code is that of the lower case letter that shares the class.
 *
 * @throws {RobleError} `ROBLE_LABEL_RANGE` for a file of another form
 */
export async function readEmnistMapping(
  folder: string,
  set: string,
): Promise<Map<number, string> | undefined> {
  const path = join(folder, `${set}-mapping.txt`);
  if (!(await exists(path))) return undefined;
  const classes = new Map<number, string>();
  for (const line of linesOf(await readTextFile(path))) {
    if (line.trim() === '') continue;
    const [label, code] = line.trim().split(/\s+/).map(Number);
    if (!Number.isInteger(label) || !(code! > 32 && code! <= 0x10ffff))
      throw new RobleError('ROBLE_LABEL_RANGE', `${path} is no mapping of labels to characters.`, {
        received: line,
        expected: 'a label and the code of its character, such as "10 65"',
        nextSteps: ['List the classes with --classes.'],
      });
    classes.set(label!, String.fromCodePoint(code!));
  }
  return classes;
}

/** What to say of files of EMNIST when nobody said how their pictures lie. */
export const EMNIST_WARNING =
  'files named emnist-... hold their pictures transposed; import them with --transpose, or say --no-transpose when yours lie upright';
