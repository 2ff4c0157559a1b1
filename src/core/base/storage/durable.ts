import { hash, randomBytes } from 'node:crypto';
import { chown, link, mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { RobleError } from '../errors.js';
import { exists, isAbsent } from './files.js';

/** Makes the entries of a folder survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Writes a new file and waits until its bytes are on the disk.
 *
 * @param mode who may read and write it, whatever the umask is; without it, as that says
 */
export async function writeSynced(path: string, content: Uint8Array | string, mode?: number): Promise<void> {
  const handle = await open(path, 'wx', mode);
  try {
    if (mode !== undefined) await handle.chmod(mode);
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A hidden name beside `target` that nobody else takes; leftovers are recognisable by it. */
function temporaryName(target: string): string {
  return join(
    dirname(target),
    `.${basename(target)}.partial-${process.pid}-${randomBytes(6).toString('hex')}`,
  );
}

/**
 * Replaces a file so that a reader, a crash or a full disk meets the old content or the new, nothing between:
 * temporary file, fsync, rename, fsync of the folder. It stays its owner's, also where root writes.
 *
 * @param mode as of {@link writeSynced}
 */
export function replaceFile(path: string, content: Uint8Array | string, mode?: number): Promise<void> {
  const place = async (temporary: string) => {
    await keepOwner(path, temporary);
    await rename(temporary, path);
  };
  return writeAside(path, content, place, mode);
}

async function keepOwner(path: string, temporary: string): Promise<void> {
  if (process.getuid?.() !== 0 || !(await exists(path))) return;
  const { uid, gid } = await stat(path);
  await chown(temporary, uid, gid);
}

/** As {@link replaceFile}, but a file that is there already stays: of several writers at once, the first one's does. */
export function writeOnce(path: string, content: Uint8Array | string): Promise<void> {
  return writeAside(path, content, async (temporary) => {
    await link(temporary, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    await rm(temporary);
  });
}

async function writeAside(
  path: string,
  content: Uint8Array | string,
  place: (temporary: string) => Promise<void>,
  mode?: number,
): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await writeSynced(temporary, content, mode);
    await place(temporary);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw RobleError.from(error);
  }
}

/**
 * Creates a folder all at once: `fill` writes into a temporary one, which is synced and renamed when it returns and
 * removed when it throws, with the folders above it that had to be made.
 *
 * @param temporary where it is filled, on the same disk and by nobody else; default a hidden name beside `target`
 * @throws {RobleError} `ROBLE_OUTPUT_EXISTS`, `ROBLE_DISK_FULL`, or what `fill` throws.
 */
export async function createFolder(
  target: string,
  fill: (temporary: string) => Promise<void>,
  temporary = temporaryName(resolve(target)),
): Promise<void> {
  const path = resolve(target);
  await refuseExisting(path);
  await fillAndPlace({ path, temporary }, fill, async () => {
    await refuseExisting(path);
    await rename(temporary, path);
  });
}

/**
 * As {@link createFolder}, in place of a folder that is there already: until the new one is complete, the old one stays.
 * A kill between the two renames leaves it aside, where {@link sweepPartials} finds it.
 */
export async function replaceFolder(
  target: string,
  fill: (temporary: string) => Promise<void>,
): Promise<void> {
  const path = resolve(target);
  const temporary = temporaryName(path);
  await fillAndPlace({ path, temporary }, fill, async () => {
    const old = `${temporary}-old`;
    const hadOne = await exists(path);
    if (hadOne) await rename(path, old);
    try {
      await rename(temporary, path);
    } catch (error) {
      if (hadOne) await rename(old, path);
      throw error;
    }
    await rm(old, { recursive: true, force: true });
  });
}

/**
 * Removes what killed processes left half-written in a folder, and puts back what they had only just set aside. Nobody
 * else may be writing there.
 */
export async function sweepPartials(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.sort()) {
    const [, target, isOld] = /^\.(.+)\.partial-[0-9a-z]+-[0-9a-z]+(-old)?$/.exec(name) ?? [];
    if (target === undefined) continue;
    if (isOld && !(await exists(join(folder, target))))
      await rename(join(folder, name), join(folder, target));
    else await rm(join(folder, name), { recursive: true, force: true });
  }
}

async function fillAndPlace(
  { path, temporary }: { readonly path: string; readonly temporary: string },
  fill: (temporary: string) => Promise<void>,
  place: () => Promise<void>,
): Promise<void> {
  let removeMade: (() => Promise<void>) | undefined;
  try {
    removeMade = await makeFolders(temporary);
    await fill(temporary);
    await syncTree(temporary);
    await place();
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    await removeMade?.();
    throw RobleError.from(error);
  }
}

/**
 * Makes a folder, and those above it that are missing.
 *
 * @param path absolute
 * @returns what removes those again that were made, as far as they are empty or gone
 */
export async function makeFolders(path: string): Promise<() => Promise<void>> {
  const first = await mkdir(path, { recursive: true });
  return async () => {
    if (first === undefined) return;
    for (let made = path; made.length >= first.length; made = dirname(made)) {
      const isGone = await rmdir(made).then(
        () => true,
        (error) => isAbsent(error),
      );
      // Somebody else has put something there: it stays, with all above it.
      if (!isGone) return;
    }
  };
}

async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await syncTree(path);
    else await syncFolder(path);
  }
  await syncFolder(folder);
}

/** @throws {RobleError} `ROBLE_OUTPUT_EXISTS` */
export async function refuseExisting(path: string): Promise<void> {
  if (await exists(path))
    throw new RobleError('ROBLE_OUTPUT_EXISTS', `${path} exists already.`, {
      expected: 'a folder that does not exist yet',
      nextSteps: ['Choose another output folder, or remove this one.'],
    });
}

/** SHA-256 of bytes, in hexadecimal. */
export function sha256(content: Uint8Array | string): string {
  return hash('sha256', content, 'hex');
}
