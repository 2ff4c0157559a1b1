import { closeSync, constants, fstatSync, openSync, readFileSync, readSync, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { RobleError, unreadableFile } from '../errors.js';
import { exists, isAbsent } from './files.js';

/** Without waiting for a pipe. Windows has no such flag, and no pipes among its files. */
const READ_ONLY = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
const CHUNK_BYTES = 1 << 18;
/** How often a pipe that has nothing is asked again. */
const PIPE_POLL_MS = 20;

/**
 * Opens a file to be read. What is no plain file is refused: nobody may ever write into a pipe, and who waits for it cannot
 * be told to end.
 *
 * @throws {RobleError} `ROBLE_FILE_UNREADABLE`; where there is no file, the error of the file system, for which callers have
 *   words of their own
 */
export async function openPlainFile(path: string | URL): Promise<FileHandle> {
  return (await openIf(path, (status) => status.isFile())).handle;
}

async function openIf(
  path: string | URL,
  isWanted: (status: Stats) => boolean,
): Promise<{ handle: FileHandle; status: Stats }> {
  const handle = await open(path, READ_ONLY).catch((cause) => {
    throw isAbsent(cause) ? cause : unreadableFile(cause);
  });
  const status = await handle.stat();
  if (isWanted(status)) return { handle, status };
  await handle.close();
  throw notPlain(String(path), status);
}

/** The bytes of a file; see {@link openPlainFile}. */
export async function readPlainFile(path: string | URL): Promise<Buffer> {
  const handle = await openPlainFile(path);
  try {
    return await handle.readFile();
  } catch (cause) {
    throw unreadableFile(cause as NodeJS.ErrnoException, String(path));
  } finally {
    await handle.close();
  }
}

/** Bytes that may be there already, in place of the path of the file that holds them. */
export async function bytesOf(from: string | Uint8Array): Promise<Uint8Array> {
  return typeof from === 'string' ? readPlainFile(from) : from;
}

/**
 * As {@link readPlainFile}, at once, with the file's status: a thread of its own reads a small file in a fifth of the time
 * this way.
 */
export function readPlainFileSync(path: string): { readonly bytes: Buffer; readonly status: Stats } {
  let file: number | undefined;
  try {
    file = openSync(path, READ_ONLY);
    const status = fstatSync(file);
    if (!status.isFile()) throw notPlain(path, status);
    return { bytes: readFileSync(file), status };
  } catch (cause) {
    throw cause instanceof RobleError || isAbsent(cause)
      ? cause
      : unreadableFile(cause as NodeJS.ErrnoException, path);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** At most `length` bytes of a file from the byte `at` on, at once. */
export function readPieceSync(path: string, at: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  return bytes.subarray(0, readIntoSync(path, at, bytes));
}

/** Fills a place with the bytes of a file from the byte `at` on, at once, and gives how many there were. */
export function readIntoSync(path: string, at: number, place: Uint8Array): number {
  const file = openSync(path, READ_ONLY);
  try {
    for (let filled = 0; ; ) {
      const count = readSync(file, place, filled, place.length - filled, at + filled);
      filled += count;
      if (count === 0 || filled === place.length) return filled;
    }
  } finally {
    closeSync(file);
  }
}

/** The text of a file in UTF-8; see {@link openPlainFile}. */
export async function readPlainText(path: string | URL): Promise<string> {
  return (await readPlainFile(path)).toString('utf8');
}

/** At most the first `length` bytes of a file; see {@link openPlainFile}. */
export async function readStart(path: string, length: number): Promise<Buffer> {
  const handle = await openPlainFile(path);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, 0);
    return buffer.subarray(0, bytesRead);
  } catch (cause) {
    throw unreadableFile(cause as NodeJS.ErrnoException, path);
  } finally {
    await handle.close();
  }
}

/** A file as a stream, which closes it; see {@link openPlainFile}. */
export async function streamPlainFile(path: string): Promise<Readable> {
  return (await openPlainFile(path)).createReadStream({ highWaterMark: CHUNK_BYTES });
}

/**
 * The bytes of a file, or of a pipe that somebody writes into, as a shell makes one of `<(...)`: for texts, which are read
 * once from front to back.
 *
 * @param signal ends the wait for a pipe
 *
 * @throws {RobleError} as {@link openPlainFile}, and for a pipe that nobody writes into
 */
export async function* fileOrPipe(path: string, signal?: AbortSignal): AsyncGenerator<Buffer> {
  const { handle, status } = await openIf(
    path,
    (found) => found.isFile() || found.isFIFO() || found.isCharacterDevice(),
  );
  let count = 0;
  try {
    for (;;) {
      const bytes = await nextBytes(handle);
      if (bytes === undefined) await sleep(PIPE_POLL_MS, undefined, { signal });
      else if (bytes.length === 0) break;
      else {
        count += bytes.length;
        yield bytes;
      }
    }
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw unreadableFile(cause as NodeJS.ErrnoException, path);
  } finally {
    await handle.close();
  }
  if (count === 0 && status.isFIFO()) throw notPlain(path, status);
}

/** Nothing at the end; undefined where a pipe has nothing yet. */
async function nextBytes(handle: FileHandle): Promise<Buffer | undefined> {
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(CHUNK_BYTES));
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined;
    throw error;
  }
}

interface FileKind {
  isDirectory(): boolean;
  isFIFO(): boolean;
  isSocket(): boolean;
  isCharacterDevice(): boolean;
  isBlockDevice(): boolean;
}

/** The error of what is at a path and is no plain file. */
export function notPlain(path: string, kind: FileKind): RobleError {
  return new RobleError('ROBLE_FILE_UNREADABLE', `${path} is no file that can be read.`, {
    received: kindOf(kind),
    expected: 'a plain file',
    nextSteps: kind.isDirectory() ? ['Name a file inside it.'] : ['Copy its content into a file.'],
  });
}

function kindOf(kind: FileKind): string {
  if (kind.isDirectory()) return 'a folder';
  if (kind.isFIFO()) return 'a pipe (FIFO)';
  if (kind.isSocket()) return 'a socket';
  return kind.isCharacterDevice() || kind.isBlockDevice() ? 'a device' : 'something else';
}

/** The value of a JSON text; undefined, which JSON cannot say, of what is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return undefined;
  }
}

/** The value of a JSON file; undefined where there is no file, or something else in it. */
export async function readJsonIfAny(path: string): Promise<unknown> {
  return (await exists(path)) ? parseJson(await readPlainText(path)) : undefined;
}
