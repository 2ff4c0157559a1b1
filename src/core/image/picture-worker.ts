/** The thread that reads and decodes pictures, one after the other. */
import { type Stats, statSync } from 'node:fs';
import { RobleError, type SerializedError } from '../base/errors.js';
import { answerCalls, Moved } from '../base/process/answer-calls.js';
import { sha256 } from '../base/storage/durable.js';
import { versionOf } from '../base/storage/files.js';
import { readPieceSync, readPlainFileSync } from '../base/storage/read-file.js';
import { type Look, lookAt } from './look.js';
import { type PreprocessOptions, prepareImage, preprocessImage } from './preprocess.js';
import type { Preprocessing } from './settings.js';

export type PictureThread = typeof start;

answerCalls(start);

/** A file, or its bytes, and whether to say what it looks like. */
export interface EncodedPicture {
  readonly from: string | Uint8Array;
  readonly isLookedAt?: boolean;
  /** Its pixels, where they were prepared before; they are taken if they are intact. */
  readonly stored?: StoredPixels | undefined;
}

/** Pixels in a file of many. */
export interface StoredPixels {
  readonly file: string;
  /** Where they begin, in bytes. */
  readonly at: number;
  readonly sha256: string;
}

export interface PictureBatch {
  readonly pictures: readonly EncodedPicture[];
  readonly preprocessing: Preprocessing;
  readonly options: PreprocessOptions;
}

interface PictureRequest extends Omit<PictureBatch, 'pictures'> {
  readonly encoded: Uint8Array;
}

/** What became of a picture, besides its pixels. */
export type Conversion =
  | {
      readonly notices: readonly string[];
      readonly look?: Look | undefined;
      /** Whether its stored pixels were taken. */
      readonly isStored?: boolean;
    }
  | { readonly error: SerializedError };

/** A file that changed so lately may change again within one tick of its clock, which is two seconds on some disks. */
const SETTLED_MS = 2000;

function start() {
  return {
    /** Gives the pixels, uint8 [height, width, channels]. */
    preprocess: ({ encoded, preprocessing, options }: PictureRequest) =>
      preprocessImage(encoded, preprocessing, options),

    /**
     * Gives the pixels of all, uint8 [count, height, width, channels], zero where there are none, the version of each, and what
     * else is to be said of some, with their indices.
     */
    async prepare({ pictures, preprocessing, options }: PictureBatch) {
      const { width, height, channels } = preprocessing;
      const size = width * height * channels;
      const pixels = new Uint8Array(pictures.length * size);
      const versions: (string | undefined)[] = [];
      const said: [number, Conversion][] = [];
      for (const [i, { from, isLookedAt, stored }] of pictures.entries())
        try {
          const known = stored && readStored(stored, size);
          const picture = known && !isLookedAt ? undefined : readPicture(from);
          versions[i] = picture?.version;
          const { pixels: made, notices } = known
            ? { pixels: known, notices: [] }
            : await prepareImage(picture!.encoded, preprocessing, options);
          pixels.set(made, i * size);
          if (notices.length === 0 && !isLookedAt && !known) continue;
          const look = isLookedAt ? await lookAt(picture!.encoded) : undefined;
          said.push([i, { notices, look, isStored: known !== undefined }]);
        } catch (error) {
          said.push([i, { error: RobleError.from(error).toJSON() }]);
        }
      return new Moved({ pixels, versions, said }, [pixels.buffer]);
    },

    /** The version of each picture, as `prepare` gives it; undefined where it cannot be told. */
    identify: (pictures: readonly EncodedPicture[]) => pictures.map(({ from }) => versionNow(from)),
  };
}

/** The bytes of a picture, and what tells them from others. */
function readPicture(from: string | Uint8Array): { encoded: Uint8Array; version: string | undefined } {
  if (typeof from !== 'string') return { encoded: from, version: versionNow(from) };
  const { bytes, status } = readPlainFileSync(from);
  return { encoded: bytes, version: settledVersion(status) };
}

function versionNow(from: string | Uint8Array): string | undefined {
  if (typeof from !== 'string') return sha256(from);
  try {
    return settledVersion(statSync(from));
  } catch {
    // Who reads it says why that cannot be done.
    return undefined;
  }
}

/** With the time of the last change of its status, which nobody can set: unpacking gives many files one time of change. */
function settledVersion(status: Stats): string | undefined {
  if (Date.now() - status.mtimeMs <= SETTLED_MS) return undefined;
  return `${versionOf(status)}:${status.ctimeMs}`;
}

/** The pixels; undefined where the file does not hold them as they were written. */
function readStored({ file, at, sha256: expected }: StoredPixels, size: number): Uint8Array | undefined {
  const pixels = readPieceSync(file, at, size);
  return sha256(pixels) === expected ? pixels : undefined;
}
