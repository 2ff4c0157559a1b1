import { chmod, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Of what containers read. Their users are not the owner of the files, so that the umask must not count. */
const FOLDER_MODE = 0o755;
const FILE_MODE = 0o644;

export function modeOf(isExecutable = false): number {
  return isExecutable ? FOLDER_MODE : FILE_MODE;
}

/** Gives a file or folder the rights that it lacks, or has too many of. */
export async function setMode(path: string, mode: number): Promise<void> {
  if (((await stat(path)).mode & 0o777) !== mode) await chmod(path, mode);
}

/** Lets everybody read a file of a stack. */
export function makeReadable(path: string, isExecutable = false): Promise<void> {
  return setMode(path, modeOf(isExecutable));
}

/**
 * Makes a folder inside of another one, and lets everybody enter all on the way to it. What lies outside, `../x`, is as the
 * umask says: no container reads it.
 */
export async function makeReadableFolder(folder: string, path: string): Promise<void> {
  await mkdir(join(folder, path), { recursive: true });
  if (path.startsWith('..')) return;
  const names = path.split('/').filter((name) => name !== '.');
  for (const [i] of names.entries()) await setMode(join(folder, ...names.slice(0, i + 1)), FOLDER_MODE);
}

/** Lets everybody read a folder with all that lies in it, as an image keeps it. */
export async function makeTreeReadable(folder: string): Promise<void> {
  await setMode(folder, FOLDER_MODE);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await makeTreeReadable(path);
    else await makeReadable(path);
  }
}

/**
 * Folders of the server, made here so that Docker does not make them as root. Those with predictions and secrets are for their
 * owner alone, as whom the APIs and the backups run; node-exporter reads the metrics, and an image may hold the models.
 */
const MODES = { models: 0o755, metrics: 0o755, backups: 0o700, keys: 0o700, secrets: 0o700 } as const;

/** What belongs to the user of the containers. */
export const CONTAINERS_OWN = ['keys', 'models', 'backups', 'metrics'] as const;

export async function makeServerFolders(folder: string): Promise<void> {
  for (const [name, mode] of Object.entries(MODES)) {
    await mkdir(join(folder, name), { recursive: true });
    await setMode(join(folder, name), mode);
  }
}
