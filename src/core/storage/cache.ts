import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
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
  const path = join(folder, `${name}.json`);
  const fresh = `${path}.${randomUUID()}`;
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(fresh, `${JSON.stringify(value)}\n`);
    await rename(fresh, path);
    return true;
  } catch {
    await rm(fresh, { force: true });
    return false;
  }
}
