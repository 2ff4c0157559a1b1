import { constants } from 'node:fs';
import { access, lstat, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { PublicExplorer } from 'cosmiconfig';
import { isAbsent } from '../base/storage/files.js';
import { MAX_CONFIG_BYTES } from './file.js';
import { unreadFiles } from './unread-files.js';

interface FoundFile {
  readonly file?: string;
  readonly ignored: readonly string[];
  readonly unread: readonly string[];
}

/** The names of a project's configuration file; the first one that a folder holds is used. */
const PROJECT_FILES = ['roble.config.yaml', 'roble.config.yml', 'roble.config.json'];
/** What makes a folder the root of a project. */
const ROOT_FILES = ['package.json', 'package.yaml'];

/**
 * The configuration file of the project that holds a folder: in the folder itself or the nearest folder above, but
 * not beyond the one with a `package.json`. Whether it can be read and used is found out by who reads it.
 *
 * @returns the file, if there is one, those beside it that give way to it, and sentences about what looks like one
 */
export async function findProjectFile(folder: string): Promise<FoundFile> {
  const start = await nearestReachable(resolve(folder));
  const ahead = await fileAhead(start);
  // cosmiconfig is loaded only where it has something to find, and may.
  const file = ahead.isReadable ? (await (await projectExplorer()).search(start))?.filepath : ahead.file;
  const unread = await unreadFiles(start, ahead.folder, file);
  if (file === undefined) return { ignored: [], unread };
  const ignored: string[] = [];
  for (const name of PROJECT_FILES) {
    const other = join(dirname(file), name);
    if (other !== file && (await isThere(other))) ignored.push(other);
  }
  return { file, ignored, unread };
}

/**
 * cosmiconfig, with all of it turned off that executes files: a configuration is data.
 *
 * When it is made, it looks for settings of its own, at nine places of the current folder, of which it runs JavaScript
 * and TypeScript and follows `$import` (cosmiconfig 9.0.2, `getUserDefinedOptionsFromMetaConfig`), and no option keeps it
 * from that. It looks at once, so that the current folder is another one for that moment, which does not exist. Its
 * loaders parse nothing: the file that it finds is read by `readConfigFile`, which knows lines and encodings, and to which
 * `$import` is an unknown key.
 */
async function projectExplorer(): Promise<PublicExplorer> {
  const { cosmiconfig, defaultLoaders } = await import('cosmiconfig');
  const { cwd } = process;
  process.cwd = () => join(import.meta.dirname, 'no-such-folder');
  try {
    return cosmiconfig('roble', {
      searchPlaces: PROJECT_FILES,
      searchStrategy: 'project',
      ignoreEmptySearchPlaces: false,
      cache: false,
      loaders: {
        ...Object.fromEntries(Object.keys(defaultLoaders).map((extension) => [extension, refuse])),
        ...Object.fromEntries(['.yaml', '.yml', '.json'].map((extension) => [extension, () => ({})])),
      },
    });
  } finally {
    process.cwd = cwd;
  }
}

function refuse(file: string): never {
  throw new Error(`${file} is no configuration: it would have to be executed.`);
}

/** Where a search ends. */
interface Ahead {
  readonly file?: string;
  readonly isReadable?: boolean;
  /** The folder of the file, or the root of the project; undefined where there is neither. */
  readonly folder?: string;
}

/**
 * The file that a search comes to first, and whether it can be read: cosmiconfig passes by in silence what this user has no
 * rights to, and waits without end for a pipe that nobody writes into.
 */
async function fileAhead(folder: string): Promise<Ahead> {
  for (const name of PROJECT_FILES) {
    const file = join(folder, name);
    if (await isThere(file)) return { file, folder, isReadable: await isPlainAndReadable(file) };
  }
  for (const name of ROOT_FILES) if (await isThere(join(folder, name))) return { folder };
  const parent = dirname(folder);
  return parent === folder ? {} : fileAhead(parent);
}

async function isPlainAndReadable(file: string): Promise<boolean> {
  try {
    const status = await stat(file);
    await access(file, constants.R_OK);
    return status.isFile() && status.size <= MAX_CONFIG_BYTES;
  } catch {
    return false;
  }
}

/** Also of a link that leads nowhere. In a folder that may not be entered, nothing can be seen. */
const isThere = (path: string) =>
  lstat(path).then(
    () => true,
    () => false,
  );

/** The folder, or the nearest above it that this user may look at. */
async function nearestReachable(folder: string): Promise<string> {
  const isReachable = await stat(folder).then(
    () => true,
    (error) => isAbsent(error),
  );
  return isReachable || dirname(folder) === folder ? folder : nearestReachable(dirname(folder));
}
