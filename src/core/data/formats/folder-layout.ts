import { RobleError } from '../../base/errors.js';
import { examples } from '../../base/text/text.js';
import type { SplitName } from '../dataset/format.js';
import { splitOfFolder, splitOfWord, type TopFolders } from './source.js';

/** Where a folder of pictures has its class folders. */
export interface ClassFolders {
  /** The split of each folder that holds class folders; undefined if the top folders are classes themselves. */
  readonly splits?: ReadonlyMap<string, SplitName>;
}

/** The class folder of a picture. */
export interface ClassFolder {
  readonly path: string;
  readonly name: string;
  readonly split?: SplitName;
}

/** The class folder that a picture lies in, at any depth; undefined if it lies in none. */
export function classFolderOf(path: string, { splits }: ClassFolders): ClassFolder | undefined {
  const names = path.split('/').slice(0, -1);
  if (!splits) return names[0] === undefined ? undefined : { path: names[0], name: names[0] };
  for (let depth = 1; depth < names.length; depth++) {
    const split = splits.get(names.slice(0, depth).join('/'));
    if (split) return { path: names.slice(0, depth + 1).join('/'), name: names[depth]!, split };
  }
  return undefined;
}

/** A top folder that holds pictures. */
interface TopFolder {
  readonly name: string;
  /** Whether pictures lie in it, and not only in folders inside it. */
  hasPictures: boolean;
  /** The folders inside it that hold pictures. */
  readonly folders: Set<string>;
}

/**
 * Whether the top folders are splits or classes, by their names and by what they hold.
 *
 * @param root the folder, for messages
 * @param given what the caller says they are
 * @throws {RobleError} `ROBLE_SOURCE_UNKNOWN` if they may be either, and the caller does not say
 */
export function classFoldersOf(
  root: string,
  pictures: readonly string[],
  given: TopFolders | undefined,
): ClassFolders {
  const tops = topFolders(pictures);
  if (given === 'classes') return {};
  if (given === 'splits') return { splits: splitFolders(root, tops, pictures) };
  const named = tops.filter(({ name }) => splitOfWord(name));
  const similar = tops.filter(({ name, folders }) => folders.size > 0 && splitOfFolder(name));
  if (named.length === 0 && similar.length === 0) {
    if (areParts(tops)) throw unclearParts(root, tops);
    return {};
  }
  if (named.length === tops.length && similar.length > 0)
    return { splits: splitFolders(root, tops, pictures) };
  // A class may be called "train": it is one if there are folders of other classes beside it.
  if (named.length < tops.length && similar.length === 0) return {};
  throw unclear(root, tops, similar.length > 0 ? similar : named);
}

function topFolders(pictures: readonly string[]): TopFolder[] {
  const tops = new Map<string, TopFolder>();
  for (const path of pictures) {
    const [name, ...rest] = path.split('/');
    if (rest.length === 0) continue;
    const top = tops.get(name!) ?? { name: name!, hasPictures: false, folders: new Set() };
    if (rest.length > 1) top.folders.add(rest[0]!);
    else top.hasPictures = true;
    tops.set(name!, top);
  }
  return [...tops.values()];
}

/** Whether each holds the same folders and nothing else, as when data comes in several parts. */
function areParts(tops: readonly TopFolder[]): boolean {
  const [first, ...others] = tops;
  if (!first || others.length === 0 || first.folders.size < 2) return false;
  return tops.every(
    ({ hasPictures, folders }) =>
      !hasPictures &&
      folders.size === first.folders.size &&
      [...folders].every((name) => first.folders.has(name)),
  );
}

function splitFolders(
  root: string,
  tops: readonly TopFolder[],
  pictures: readonly string[],
): Map<string, SplitName> {
  const none = tops.filter(({ name }) => !splitOfFolder(name)).map(({ name }) => name);
  if (none.length > 0)
    throw new RobleError('ROBLE_SOURCE_UNKNOWN', `Not all folders of ${root} are named for splits.`, {
      received: examples(none),
      expected: 'train, val or test in the name of each',
      nextSteps: ['Name the folders that you mean with --train, --val and --test.'],
    });
  return new Map(tops.map(({ name }) => [innermost(name, pictures), splitOfFolder(name)!]));
}

/** The folder that holds the classes: `training_set/training_set` if the outer one holds nothing else. */
function innermost(folder: string, pictures: readonly string[]): string {
  const inside = pictures.filter((path) => path.startsWith(`${folder}/`));
  const [first] = inside[0]!.slice(folder.length + 1).split('/');
  const only = `${folder}/${first}`;
  const isOuter = inside.every(
    (path) => path.startsWith(`${only}/`) && path.slice(only.length + 1).includes('/'),
  );
  return isOuter ? innermost(only, pictures) : folder;
}

function unclear(root: string, tops: readonly TopFolder[], named: readonly TopFolder[]): RobleError {
  const splits = named.map(({ name }) => `"${name}"`);
  return new RobleError(
    'ROBLE_SOURCE_UNKNOWN',
    `The folders of ${root} may be classes, or splits that hold classes.`,
    {
      received: `folders ${examples(
        tops.map(({ name }) => `"${name}"`),
        8,
      )}`,
      expected: `what ${examples(splits)} ${splits.length === 1 ? 'stands' : 'stand'} for: --top-folders classes or --top-folders splits`,
      nextSteps: [
        'Say --top-folders classes if each of these folders is a class.',
        'Say --top-folders splits if each holds a folder for each class; or name them: --train DIR --val DIR --test DIR.',
      ],
    },
  );
}

function unclearParts(root: string, tops: readonly TopFolder[]): RobleError {
  const quoted = (names: Iterable<string>) => examples([...names].map((name) => `"${name}"`));
  return new RobleError(
    'ROBLE_SOURCE_UNKNOWN',
    `The folders of ${root} may be classes, or parts of the data that hold the same classes.`,
    {
      received: `folders ${quoted(tops.map(({ name }) => name))}, and in each of them ${quoted(tops[0]!.folders)}`,
      expected: 'one or the other',
      nextSteps: [
        'Say --top-folders classes if each of these folders is a class.',
        `Name each of them as a source if the folders inside are the classes: ${examples(tops.map(({ name }) => `${root}/${name}`))}.`,
      ],
    },
  );
}
