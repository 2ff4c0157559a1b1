import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { replaceFile } from './durable.js';
import { readJson } from './json.js';

/**
 * What was measured on this machine and costs seconds to measure again: JSON files in the user's cache folder
 * (`XDG_CACHE_HOME`, else `LOCALAPPDATA` on Windows, else `~/.cache`), under `roble`. All of it may be deleted.
 */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env, home: string = homedir()): string {
  return join(env.XDG_CACHE_HOME || env.LOCALAPPDATA || join(home, '.cache'), 'roble');
}

/** The value that was kept under a name; undefined where there is none. The caller checks it. */
export function readCached(name: string): Promise<unknown> {
  return readJson(join(cacheFolder(), `${name}.json`));
}

/**
 * Keeps a value under a name. Gives false where the folder cannot be written: then it is measured again next time,
 * which is no reason to end what it was measured for.
 */
export async function keepCached(name: string, value: unknown): Promise<boolean> {
  const folder = cacheFolder();
  try {
    await mkdir(folder, { recursive: true });
    await replaceFile(join(folder, `${name}.json`), `${JSON.stringify(value)}\n`);
    return true;
  } catch {
    return false;
  }
}
