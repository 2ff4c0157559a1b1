import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { Entry, ZipFile } from 'yauzl';
import type { Unpacking } from './unpack-tar.js';

/** The file type of Unix in the attributes of an entry. */
const TYPE_BITS = 0o170000;
const LINK_BITS = 0o120000;
const UTF8_FLAG = 0x800;

/** Unpacks a zip archive: plain files and folders. */
export async function unpackZip(path: string, { folder, signal, admit, passOver }: Unpacking): Promise<void> {
  const { default: yauzl } = await import('yauzl');
  // Names are decoded here, because many programs write UTF-8 without saying so.
  const archive = await yauzl.openPromise(path, { decodeStrings: false, autoClose: false });
  try {
    for await (const entry of archive.eachEntry()) {
      signal?.throwIfAborted();
      const name = nameOf(entry, yauzl.getFileNameLowLevel);
      admit(name, entry.uncompressedSize);
      if (entry.isEncrypted()) throw new Error(`${name} is encrypted: unpack it with its password`);
      const target = join(folder, name);
      if (name.endsWith('/')) await mkdir(target, { recursive: true });
      else if (isLink(entry)) passOver(name, await text(await archive.openReadStreamPromise(entry)));
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
