import { stat } from 'node:fs/promises';

/** Tells one state of a file from another, without reading it; undefined where there is none. */
export async function fileVersion(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found && `${found.dev}:${found.ino}:${found.size}:${found.mtimeMs}`;
}
