import { randomUUID } from 'node:crypto';
import { open, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** What a folder's disk has and can do. */
export interface PlaceFacts {
  /** The folder, or the nearest above it that is there. */
  readonly folder: string;
  /** The type of the file system, as the kernel numbers it (Linux). */
  readonly type: number;
  readonly freeBytes: number;
  /** Files that can still be made; undefined where the file system has no such bound. */
  readonly freeFiles?: number;
  /** The speed of writing; absent where it was not measured. */
  readonly bytesPerSecond?: number;
  /** How long it takes until a few bytes are safe on the disk. */
  readonly syncMs?: number;
  /** Why nothing can be written. */
  readonly refusal?: string;
}

const CHUNK_BYTES = 1 << 20;
/** The speed is measured by as much as is written in this time, at most. */
const LONGEST_MS = 500;
const MOST_CHUNKS = 16;

export interface InspectPlaceOptions {
  /** The folder, which need not be there yet. */
  readonly path: string;
  /** Whether to measure the speed of writing, which several at once would take from one another. */
  readonly isTimed?: boolean | undefined;
}

/** Looks at the disk of a folder, and writes a file on it that is removed at once. */
export async function inspectPlace({ path, isTimed = false }: InspectPlaceOptions): Promise<PlaceFacts> {
  const folder = await nearestFolder(path);
  const { type, bsize, bavail, files, ffree } = await statfs(folder);
  const written = await tryWriting(folder, isTimed ? MOST_CHUNKS : 0);
  return {
    folder,
    type,
    freeBytes: bsize * bavail,
    ...(files > 0 && { freeFiles: ffree }),
    ...written,
  };
}

async function nearestFolder(path: string): Promise<string> {
  const status = await stat(path).catch(() => undefined);
  return status?.isDirectory() || dirname(path) === path ? path : nearestFolder(dirname(path));
}

async function tryWriting(
  folder: string,
  mostChunks: number,
): Promise<Pick<PlaceFacts, 'bytesPerSecond' | 'syncMs'> | { refusal: string }> {
  const file = join(folder, `.roble-${randomUUID()}`);
  try {
    const handle = await open(file, 'wx');
    try {
      // Nothing is left even by a process that is killed; Windows removes no file that is open.
      await rm(file).catch(() => {});
      const chunk = Buffer.alloc(CHUNK_BYTES, 'roble');
      const start = performance.now();
      let count = 0;
      while (count < mostChunks && performance.now() - start < LONGEST_MS) {
        await handle.writeFile(chunk);
        count++;
      }
      await handle.sync();
      const seconds = (performance.now() - start) / 1000;
      const before = performance.now();
      await handle.writeFile('roble');
      await handle.sync();
      return {
        ...(count > 0 && { bytesPerSecond: (count * CHUNK_BYTES) / seconds }),
        syncMs: performance.now() - before,
      };
    } finally {
      await handle.close();
    }
  } catch (error) {
    return { refusal: (error as Error).message };
  } finally {
    await rm(file, { force: true }).catch(() => {});
  }
}
