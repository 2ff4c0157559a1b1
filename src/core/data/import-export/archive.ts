import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { Entry, ZipFile } from 'yauzl';
import { RobleError } from '../../base/errors.js';
import { openPlainOrGzip } from '../../base/storage/byte-reader.js';
import { makeTemporaryFolder } from '../../base/storage/files.js';
import { bytesOf, readStart } from '../../base/storage/read-file.js';
import { linkNotFollowed } from '../../base/storage/walk-folder.js';
import { type UnreadFormat, unreadFormat } from '../../image/known-formats.js';
import type { SourceItem, SourceRemark } from '../formats/source.js';

/** Unpacked bytes and entries that an archive may hold: far more than data sets need, and less than a decompression bomb. */
const MAX_BYTES = 16 * 2 ** 30;
const MAX_ENTRIES = 5_000_000;

const TAR_NAME = /\.(tar|tgz|tar\.gz)$/i;
const ZIP_NAME = /\.zip$/i;
const UNREAD_NAMES: readonly (readonly [name: RegExp, format: string, command: string])[] = [
  [/\.(tar\.xz|txz)$/i, 'a tar archive packed by xz', 'tar xJf'],
  [/\.(tar\.bz2?|tbz2?)$/i, 'a tar archive packed by bzip2', 'tar xjf'],
  [/\.(tar\.zst|tzst)$/i, 'a tar archive packed by zstd', 'tar --zstd -xf'],
  [/\.(tar\.lz4?|tar\.lzma|tar\.z)$/i, 'a tar archive packed in a way that is not read', 'tar xaf'],
  [/\.7z$/i, 'a 7z archive', '7z x'],
  [/\.rar$/i, 'a RAR archive', 'unrar x'],
  [/\.xz$/i, 'an xz file', 'unxz -k'],
  [/\.bz2$/i, 'a bzip2 file', 'bunzip2 -k'],
  [/\.zst$/i, 'a zstd file', 'unzstd -k'],
];
/** Errors of the file system that paths in an archive cause, such as a file that is a folder later on. */
const ARCHIVE_FAULTS = ['ENOTDIR', 'EISDIR', 'EEXIST', 'ENAMETOOLONG', 'EINVAL'];
/** Bytes by which archives are recognised; a tar archive may be compressed. */
const START_BYTES = 512;

/** Whether a name is that of an archive, also of one that cannot be unpacked here. */
export function isArchiveName(name: string): boolean {
  return TAR_NAME.test(name) || ZIP_NAME.test(name) || UNREAD_NAMES.some(([known]) => known.test(name));
}

/**
 * The kind of archive that a file is, by its first bytes and its name; undefined if it is none.
 *
 * @throws {RobleError} `ROBLE_SOURCE_UNKNOWN` for an archive that cannot be unpacked here
 */
export async function archiveKind(path: string): Promise<'tar' | 'zip' | undefined> {
  const unread = UNREAD_NAMES.find(([name]) => name.test(path));
  if (unread) throw notUnpacked(path, unread[1], `${unread[2]} ${path}`);
  const start = await readStart(path, START_BYTES);
  const magic = start.subarray(0, 4).toString('latin1');
  if (magic === 'PK\x03\x04' || magic === 'PK\x05\x06') return 'zip';
  if (TAR_NAME.test(path) || isTar(await unpackedStart(path))) return 'tar';
  if (ZIP_NAME.test(path)) return 'zip';
  const format = unreadFormat(start);
  if (format && isPacked(format)) throw notUnpacked(path, format.name);
  return undefined;
}

const isTar = (start: Buffer): boolean => start.subarray(257, 262).toString('latin1') === 'ustar';

const isPacked = ({ name, advice }: UnreadFormat): boolean =>
  advice === 'unpack it' && name !== 'a gzip file';

/** The first bytes of a file, unpacked if it is a gzip file; none of a damaged one. */
async function unpackedStart(path: string): Promise<Buffer> {
  const stream = await openPlainOrGzip(path);
  try {
    for await (const chunk of stream) return chunk as Buffer;
  } catch {
    // The error comes when the file is read.
  } finally {
    stream.destroy();
  }
  return Buffer.alloc(0);
}

/**
 * Unpacks a tar or zip archive into a temporary folder that exists while `work` reads it. Only plain files and folders are
 * unpacked: links are bad samples, and an archive with a path outside its folder is refused.
 *
 * @throws {RobleError} `ROBLE_SOURCE_UNKNOWN` for a file that is not an archive, leaves its folder, is encrypted or is too large.
 */
export async function* withUnpacked(
  path: string,
  kind: 'tar' | 'zip',
  work: (folder: string) => AsyncIterable<SourceItem>,
  signal?: AbortSignal,
): AsyncGenerator<SourceItem> {
  const folder = await makeTemporaryFolder('import');
  const remarks: SourceItem[] = [];
  try {
    await unpack(path, kind, {
      folder,
      signal,
      admit: entryCheck(path),
      onLink: (name, target) => remarks.push({ source: name, error: linkNotFollowed(target) }),
      onMissingEnd: () => remarks.push(missingEnd(path)),
    });
    yield* remarks;
    for await (const item of work(folder)) yield withArchivePath(path, folder, await inMemory(item));
  } catch (thrown) {
    throw thrown instanceof RobleError ? errorOf(path, folder, thrown) : thrown;
  } finally {
    // Files of a damaged archive may still be written when its error is known.
    await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}

/** A tar archive that was cut off between two entries lacks its end mark, and nothing else is wrong with it. */
function missingEnd(path: string): SourceRemark {
  return {
    warning: `${path} lacks the end mark of a tar archive, so it was probably cut off: samples may be missing; copy or download it again`,
    strictError: archiveError(path, 'an archive without its end mark, which was probably cut off', [
      'Copy or download it again.',
      'Without --strict the samples that are there are imported.',
    ]),
  };
}

/** A sample with the bytes of its file, which is gone when its turn comes to be converted. */
async function inMemory(item: SourceItem): Promise<SourceItem> {
  if (!('picture' in item) || item.picture.kind !== 'encoded') return item;
  const { source, picture } = item;
  try {
    return { ...item, picture: { ...picture, from: await bytesOf(picture.from) } };
  } catch (error) {
    return { source, error: RobleError.from(error) };
  }
}

/** Names the archive instead of the temporary folder, which is gone when a person reads the message. */
function withArchivePath(path: string, folder: string, item: SourceItem): SourceItem {
  if ('error' in item) return { ...item, error: errorOf(path, folder, item.error) };
  return 'warning' in item ? { ...item, warning: item.warning.replaceAll(folder, path) } : item;
}

function errorOf(path: string, folder: string, error: RobleError): RobleError {
  const { code, message, details } = error;
  const { received, nextSteps } = details;
  const named = (text: string) => text.replaceAll(folder, path);
  return new RobleError(code, named(message), {
    ...details,
    ...(typeof received === 'string' && { received: named(received) }),
    ...(nextSteps && { nextSteps: nextSteps.map(named) }),
  });
}

async function unpack(path: string, kind: 'tar' | 'zip', unpacking: Unpacking): Promise<void> {
  try {
    await (kind === 'tar' ? unpackTar : unpackZip)(path, unpacking);
  } catch (cause) {
    if (unpacking.signal?.aborted) throw unpacking.signal.reason;
    if (cause instanceof RobleError) throw cause;
    const { code, syscall } = cause as NodeJS.ErrnoException;
    if (syscall !== undefined && !ARCHIVE_FAULTS.includes(code ?? '')) throw RobleError.from(cause);
    throw archiveError(path, (cause as Error).message, [], cause);
  }
}

/** Checks each entry of an archive before it is unpacked. */
function entryCheck(path: string): Unpacking['admit'] {
  let bytes = 0;
  let entries = 0;
  return (name, size) => {
    bytes += size;
    entries += 1;
    if (name.startsWith('/') || /^[a-z]:/i.test(name) || name.split(/[/\\]/).includes('..'))
      throw archiveError(path, `a path outside of it: ${name}`, [
        'Unpack it where nothing can be overwritten, and look at it.',
      ]);
    if (bytes > MAX_BYTES || entries > MAX_ENTRIES)
      throw archiveError(path, 'more than 16 GiB or 5 million entries', [
        'Unpack it yourself, and name the folder.',
      ]);
  };
}

function archiveError(
  path: string,
  received: string,
  nextSteps: readonly string[],
  cause?: unknown,
): RobleError {
  return new RobleError('ROBLE_SOURCE_UNKNOWN', `${path} cannot be unpacked.`, {
    received,
    expected: 'a whole tar archive, gzip or not, or a zip archive, of files and folders inside it',
    nextSteps:
      nextSteps.length > 0 ? nextSteps : ['Download it again, or unpack it yourself and name the folder.'],
    cause,
  });
}

function notUnpacked(path: string, name: string, command?: string): RobleError {
  return new RobleError('ROBLE_SOURCE_UNKNOWN', `${path} is ${name}, which cannot be unpacked here.`, {
    received: name,
    expected: 'a folder, a tar archive (gzip or not), or a zip archive',
    nextSteps: [`Unpack it${command === undefined ? '' : ` ("${command}")`}, and name the folder.`],
  });
}

/** Bytes that are read at a time. */
const CHUNK_BYTES = 2 ** 20;

/** How an archive is unpacked, whatever its format. */
export interface Unpacking {
  readonly folder: string;
  readonly signal?: AbortSignal | undefined;
  /** Throws at an entry for which the whole archive is refused. */
  admit(name: string, bytes: number): void;
  /** Called for each link, which is not unpacked: it could lead out of the folder, and no format needs it. */
  onLink(name: string, target: string): void;
  /** Called if a tar archive lacks its end mark. */
  onMissingEnd(): void;
}

/** Unpacks a tar archive, gzip or not: plain files and folders. */
async function unpackTar(
  path: string,
  { folder, signal, admit, onLink, onMissingEnd }: Unpacking,
): Promise<void> {
  const { extract } = await import('tar');
  let refusal: unknown;
  let hasEnd = false;
  const unpacked = extract({
    cwd: folder,
    strict: true,
    noChmod: true,
    filter: (name, entry) => {
      if (refusal !== undefined) return false;
      try {
        signal?.throwIfAborted();
        admit(name, entry.size);
      } catch (error) {
        refusal = error;
        return false;
      }
      const type = 'type' in entry ? entry.type : 'File';
      if ('linkpath' in entry && (type === 'SymbolicLink' || type === 'Link'))
        onLink(name, entry.linkpath ?? '');
      return type === 'File' || type === 'Directory' || type === 'OldFile';
    },
  });
  // The end mark is two blocks of zeros. One is enough to know: no entry begins with zeros.
  unpacked.on('nullBlock', () => {
    hasEnd = true;
  });
  const file = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  try {
    await new Promise<void>((resolve, reject) => {
      unpacked.on('error', reject).on('close', resolve);
      file.on('error', reject).pipe(unpacked);
    });
  } finally {
    file.destroy();
  }
  if (refusal !== undefined) throw refusal;
  if (!hasEnd) onMissingEnd();
}

/** The file type of Unix in the attributes of an entry. */
const TYPE_BITS = 0o170000;
const LINK_BITS = 0o120000;
const UTF8_FLAG = 0x800;

/** Unpacks a zip archive: plain files and folders. */
async function unpackZip(path: string, { folder, signal, admit, onLink }: Unpacking): Promise<void> {
  const { default: yauzl } = await import('yauzl');
  // Names are decoded here, because many programs write UTF-8 without setting its flag.
  const archive = await yauzl.openPromise(path, { decodeStrings: false, autoClose: false });
  try {
    for await (const entry of archive.eachEntry()) {
      signal?.throwIfAborted();
      const name = nameOf(entry, yauzl.getFileNameLowLevel);
      admit(name, entry.uncompressedSize);
      if (entry.isEncrypted()) throw new Error(`${name} is encrypted: unpack it with its password`);
      const target = join(folder, name);
      if (name.endsWith('/')) await mkdir(target, { recursive: true });
      else if (isLink(entry)) onLink(name, await text(await archive.openReadStreamPromise(entry)));
      else await unpackFile(archive, entry, target, signal);
    }
  } finally {
    archive.close();
  }
}

async function unpackFile(
  archive: ZipFile,
  entry: Entry,
  target: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  const content = await archive.openReadStreamPromise(entry);
  await pipeline(content, createWriteStream(target), { ...(signal && { signal }) });
}

function isLink({ externalFileAttributes }: Entry): boolean {
  return ((externalFileAttributes >>> 16) & TYPE_BITS) === LINK_BITS;
}

type DecodeName = typeof import('yauzl').getFileNameLowLevel;

function nameOf({ generalPurposeBitFlag, fileNameRaw, extraFields }: Entry, decode: DecodeName): string {
  const flags = isUtf8(fileNameRaw) ? generalPurposeBitFlag | UTF8_FLAG : generalPurposeBitFlag;
  return decode(flags, fileNameRaw, extraFields, false).replaceAll('\\', '/');
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
