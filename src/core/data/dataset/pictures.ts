import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { RobleError, unreadableFile } from '../../base/errors.js';
import { isAbsent } from '../../base/storage/files.js';
import { openPlainFile, readIntoSync } from '../../base/storage/read-file.js';
import type { DatasetPart } from './format.js';
import { changedFile } from './parts.js';

/**
 * The pictures of a split, all of one size: in memory that threads share, or in the files that hold them, from which each is
 * read when it is asked for. Plain data, so that it passes to threads. What is read is the same bytes either way.
 */
export type PackedPictures = PicturesInMemory | PicturesInFiles;

interface Packed {
  readonly count: number;
  /** Bytes of a picture: uint8, [height, width, channels]. */
  readonly size: number;
}

export interface PicturesInMemory extends Packed {
  /** uint8, [count, height, width, channels]. */
  readonly images: Uint8Array<SharedArrayBuffer>;
}

interface PicturesInFiles extends Packed {
  /** In the order of the pictures. */
  readonly files: readonly PictureFile[];
  /**
   * uint32, [count]: CRC-32 of each picture, made of the bytes whose SHA-256 was checked. Whatever is read later and has
   * another one was changed in the meantime.
   */
  readonly checks: Uint32Array<SharedArrayBuffer>;
}

/** A file of nothing but pictures, one behind the other. */
interface PictureFile {
  readonly path: string;
  /** The index of its first picture. */
  readonly start: number;
}

/**
 * A picture: uint8, [height, width, channels]. It must not be changed, for it may lie in memory that others read.
 *
 * @throws {RobleError} `ROBLE_DATASET_INVALID` for a file that was changed or removed after it was opened
 */
export function pictureAt(pictures: PackedPictures, index: number): Uint8Array {
  if ('images' in pictures)
    return pictures.images.subarray(index * pictures.size, (index + 1) * pictures.size);
  return copyPictures(pictures, index, index + 1);
}

/** Copies a picture into a place of its size; throws as {@link pictureAt}. */
export function copyPicture(pictures: PackedPictures, index: number, place: Uint8Array): void {
  if ('images' in pictures) place.set(pictureAt(pictures, index));
  else readPictures(pictures, index, place);
}

/**
 * The pictures from `start` to `end` - 1 in an array of their own, not in shared memory, which engines do not take; throws
 * as {@link pictureAt}.
 */
export function copyPictures(pictures: PackedPictures, start: number, end: number): Uint8Array<ArrayBuffer> {
  const { size } = pictures;
  if ('images' in pictures) return new Uint8Array(pictures.images.subarray(start * size, end * size));
  const place = new Uint8Array(Buffer.allocUnsafeSlow((end - start) * size).buffer);
  readPictures(pictures, start, place);
  return place;
}

/** The same of some pictures, by their indices, in the order given. */
export function copySomePictures(
  pictures: PackedPictures,
  indices: ArrayLike<number>,
): Uint8Array<ArrayBuffer> {
  const { size } = pictures;
  const some = new Uint8Array(indices.length * size);
  for (let i = 0; i < indices.length; i++)
    copyPicture(pictures, indices[i]!, some.subarray(i * size, (i + 1) * size));
  return some;
}

/** Fills a place with the pictures from `first` on. Of each file, those in a row are read at once. */
function readPictures(
  { count, size, files, checks }: PicturesInFiles,
  first: number,
  place: Uint8Array,
): void {
  const end = first + place.length / size;
  let number = fileWith(files, first);
  for (let start = first; start < end; number++) {
    const file = files[number]!;
    const fileEnd = Math.min(end, files[number + 1]?.start ?? count);
    const part = place.subarray((start - first) * size, (fileEnd - first) * size);
    if (readOrNothing(file.path, (start - file.start) * size, part) < part.length)
      throw changedInUse(file.path);
    for (let at = 0; start < fileEnd; start++, at += size)
      if (crc32(part.subarray(at, at + size)) !== checks[start]) throw changedInUse(file.path);
  }
}

function readOrNothing(path: string, at: number, place: Uint8Array): number {
  try {
    return readIntoSync(path, at, place);
  } catch (error) {
    if (isAbsent(error)) return 0;
    throw error;
  }
}

function changedInUse(path: string): RobleError {
  return new RobleError('ROBLE_DATASET_INVALID', `${path} was changed or removed while it was in use.`, {
    received: 'other bytes than before',
    expected: 'a data set that stays as it is until nothing reads it any more',
    nextSteps: ['Copy the data set again, or import it again; then go on.'],
  });
}

/** The last file that starts at or before a picture. */
function fileWith(files: readonly PictureFile[], index: number): number {
  let [low, high] = [0, files.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (files[middle]!.start <= index) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Bytes that are read at a time while a file is checked; at least one picture. */
const CHUNK_BYTES = 2 ** 20;

/**
 * Called with each picture of a split, in order, while it is opened: who needs all of them once need not read them again. They
 * are those that were written only if the opening succeeds. The pixels are the callee's until it returns.
 */
export type OnPicture = (pixels: Uint8Array, index: number) => void;

/**
 * Opens the pictures of a split, every byte of them checked once. Where they take more than `memory` bytes they stay in
 * their files: checking them takes as long, but no more memory than a few pictures.
 *
 * @param size bytes of a picture
 * @throws {RobleError} `ROBLE_DATASET_INVALID` for a file that has not the bytes that were written
 */
export async function openPictures(
  folder: string,
  parts: readonly Pick<DatasetPart, 'count' | 'images'>[],
  size: number,
  memory: number,
  onPicture?: OnPicture,
): Promise<PackedPictures> {
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  const inMemory = count * size <= memory;
  const images = new Uint8Array(new SharedArrayBuffer(inMemory ? count * size : 0));
  const checks = new Uint32Array(new SharedArrayBuffer(inMemory ? 0 : count * Uint32Array.BYTES_PER_ELEMENT));
  const together = Math.max(1, Math.floor(CHUNK_BYTES / size));
  const chunk = Buffer.allocUnsafeSlow(inMemory ? 0 : together * size);
  const files: PictureFile[] = [];
  let start = 0;
  for (const part of parts) {
    const path = join(folder, part.images.file);
    const end = start + part.count;
    const hash = createHash('sha256');
    await withFile(path, async (file) => {
      for (let first = start; first < end; first += together) {
        const last = Math.min(first + together, end);
        const piece = inMemory
          ? images.subarray(first * size, last * size)
          : chunk.subarray(0, (last - first) * size);
        if ((await readFully(file, piece)) < piece.length) throw changedFile(path);
        hash.update(piece);
        for (let i = first, at = 0; i < last; i++, at += size) {
          const pixels = piece.subarray(at, at + size);
          if (!inMemory) checks[i] = crc32(pixels);
          onPicture?.(pixels, i);
        }
      }
      if ((await file.stat()).size !== part.count * size) throw changedFile(path);
    });
    if (hash.digest('hex') !== part.images.sha256) throw changedFile(path);
    files.push({ path, start });
    start = end;
  }
  return inMemory ? { count, size, images } : { count, size, files, checks };
}

/** @throws {RobleError} `ROBLE_DATASET_INVALID` where there is no such file, `ROBLE_FILE_UNREADABLE` */
async function withFile(path: string, use: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await openPlainFile(path).catch((error) => {
    throw isAbsent(error) ? changedFile(path) : error;
  });
  try {
    await use(file);
  } catch (error) {
    throw error instanceof RobleError ? error : unreadableFile(error as NodeJS.ErrnoException, path);
  } finally {
    await file.close();
  }
}

/** Fills a place with the next bytes of a file, and gives how many there were. */
async function readFully(file: FileHandle, place: Uint8Array): Promise<number> {
  for (let filled = 0; ; ) {
    const { bytesRead } = await file.read(place, filled, place.length - filled);
    filled += bytesRead;
    if (bytesRead === 0 || filled === place.length) return filled;
  }
}
