import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { replaceFile, writeOnce } from './durable.js';
import { homeFolder } from './home.js';
import { readJsonIfAny } from './read-file.js';

/**
 * What was measured on this machine and costs seconds to measure again: JSON files in the user's cache folder
 * (`XDG_CACHE_HOME`, else `LOCALAPPDATA` on Windows, else `~/.cache`), under `roble`. All of it may be deleted.
 */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env, home: string = homeFolder()): string {
  return join(env.XDG_CACHE_HOME || env.LOCALAPPDATA || join(home, '.cache'), 'roble');
}

const fileOf = (name: string) => join(cacheFolder(), `${name}.json`);

/** The value that was kept under a name; undefined where there is none. The caller checks it. */
export function readCached(name: string): Promise<unknown> {
  return readJsonIfAny(fileOf(name));
}

/**
 * Keeps a value under a name. Gives false where the folder cannot be written: then it is measured again next time,
 * which is no reason to end what it was measured for.
 */
export async function keepCached(name: string, value: unknown): Promise<boolean> {
  return keep(name, value, replaceFile);
}

/**
 * The value that is kept under a name; where there is none, the one that `measure` gives, which is then kept. Of several
 * processes that measure at once, the first one's value is given to all: what depends on it can be repeated. Undefined
 * where nothing can be kept, for then every process would go by its own measurement.
 */
export async function measuredOnce(name: string, measure: () => Promise<unknown>): Promise<unknown> {
  const known = await readCached(name);
  if (known !== undefined) return known;
  return (await keep(name, await measure(), writeOnce)) ? readCached(name) : undefined;
}

async function keep(name: string, value: unknown, write: typeof replaceFile): Promise<boolean> {
  const file = fileOf(name);
  try {
    await mkdir(dirname(file), { recursive: true });
    await write(file, `${JSON.stringify(value)}\n`);
    return true;
  } catch {
    return false;
  }
}
