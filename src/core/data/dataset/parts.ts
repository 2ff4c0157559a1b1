import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { RobleError } from '../../base/errors.js';
import { replaceFile, sha256, writeSynced } from '../../base/storage/durable.js';
import { exists } from '../../base/storage/files.js';
import { readPlainFile } from '../../base/storage/read-file.js';
import { drawingBytes, type PackedDrawing } from '../../image/strokes/packed.js';
import {
  type DatasetManifest,
  type DatasetPart,
  filesOf,
  type PartFile,
  type SampleProvenance,
  SPLITS,
  type SplitName,
} from './format.js';

/** The name of a part: that of its files without their extensions. */
export function partName(split: SplitName, index: number): string {
  return `${split}-${String(index).padStart(5, '0')}`;
}

/** A part in memory. */
export interface PartContent {
  /** uint8, [count, height, width, channels]. */
  readonly images: Uint8Array;
  /** [count] */
  readonly labels: Uint16Array;
  readonly samples: readonly SampleProvenance[];
  /** The strokes of each sample that has some. */
  readonly strokes: readonly (PackedDrawing | undefined)[];
}

/** Writes a part that is in memory; each of its files appears only when it is complete and on the disk. */
export async function writePart(
  folder: string,
  name: string,
  { images, labels, samples, strokes }: PartContent,
): Promise<DatasetPart> {
  const write = async (suffix: string, content: Uint8Array) => {
    const file = `${name}.${suffix}`;
    await replaceFile(join(folder, file), content);
    return { file, bytes: content.length, sha256: sha256(content) };
  };
  const labelBytes = Buffer.alloc(2 * labels.length);
  for (const [i, label] of labels.entries()) labelBytes.writeUInt16LE(label, 2 * i);
  return {
    count: labels.length,
    images: await write('images', images),
    labels: await write('labels', labelBytes),
    samples: await write('samples.jsonl', Buffer.from(samples.map(sampleLine).join(''))),
    ...(strokes.some((drawing) => drawing) && {
      strokes: await write('strokes', Buffer.concat(strokes.map(drawingBytes))),
    }),
  };
}

/** The bytes of a file of a part; undefined if they are not those that were written, or the file is missing. */
export async function readIntact(
  folder: string,
  { file, sha256: expected }: PartFile,
): Promise<Buffer | undefined> {
  const path = join(folder, file);
  const bytes = (await exists(path)) ? await readPlainFile(path) : undefined;
  return bytes && sha256(bytes) === expected ? bytes : undefined;
}

/**
 * The bytes of a file of a data set.
 *
 * @throws {RobleError} `ROBLE_DATASET_INVALID` when they are not those that were written
 */
export async function readChecked(folder: string, file: PartFile): Promise<Buffer> {
  const bytes = await readIntact(folder, file);
  if (bytes) return bytes;
  throw changedFile(join(folder, file.file));
}

/** The error of a file that does not have the bytes that the manifest of its data set says. */
export function changedFile(path: string): RobleError {
  return new RobleError('ROBLE_DATASET_INVALID', `${path} was changed after it was written.`, {
    received: 'another SHA-256',
    expected: 'the SHA-256 in dataset.json',
    nextSteps: ['Copy the data set again, or import it again.'],
  });
}

/** Whether all files of a part are what was written. */
export async function isPartIntact(folder: string, part: DatasetPart): Promise<boolean> {
  for (const file of filesOf(part)) if (!(await readIntact(folder, file))) return false;
  return true;
}

function sampleLine(sample: SampleProvenance): string {
  return `${JSON.stringify(sample)}\n`;
}

/** Samples in a part. */
const PART_SAMPLES = 65_536;
const BUFFER_BYTES = 1 << 20;

const NO_STROKES = drawingBytes(undefined);

interface OpenPart {
  readonly images: HashedFile;
  readonly labels: HashedFile;
  readonly samples: HashedFile;
  /** Open from the first sample with strokes on. */
  strokes: HashedFile | undefined;
  count: number;
}

/** Writes the parts of one split, one after another, and hashes them on the way. */
export class PartWriter {
  readonly parts: DatasetPart[] = [];
  readonly #folder: string;
  readonly #split: SplitName;
  #open: OpenPart | undefined;

  constructor(folder: string, split: SplitName) {
    this.#folder = folder;
    this.#split = split;
  }

  /** @param strokes the bytes of a packed drawing, if the sample has strokes */
  async add(
    pixels: Uint8Array,
    label: number,
    provenance: SampleProvenance,
    strokes?: Uint8Array,
  ): Promise<void> {
    this.#open ??= await this.#start();
    const part = this.#open;
    await part.images.write(pixels);
    await part.labels.write(Uint8Array.of(label & 255, label >> 8));
    await part.samples.write(Buffer.from(sampleLine(provenance)));
    if (strokes && !part.strokes) part.strokes = await this.#startStrokes(part.count);
    await part.strokes?.write(strokes ?? NO_STROKES);
    part.count += 1;
    if (part.count === PART_SAMPLES) await this.finish();
  }

  /** Completes the open part, if there is one. */
  async finish(): Promise<void> {
    const part = this.#open;
    if (!part) return;
    this.#open = undefined;
    const [images, labels, samples] = [
      await part.images.end(),
      await part.labels.end(),
      await part.samples.end(),
    ];
    const strokes = await part.strokes?.end();
    this.parts.push({ count: part.count, images, labels, samples, ...(strokes && { strokes }) });
  }

  /** Closes what is open after a failure. */
  async abandon(): Promise<void> {
    const part = this.#open;
    this.#open = undefined;
    if (!part) return;
    const { images, labels, samples, strokes } = part;
    await Promise.all([images, labels, samples, strokes].map((file) => file?.close()));
  }

  async #start(): Promise<OpenPart> {
    const [images, labels, samples] = [
      await this.#create('images'),
      await this.#create('labels'),
      await this.#create('samples.jsonl'),
    ];
    return { images, labels, samples, strokes: undefined, count: 0 };
  }

  /** The file begins with the samples so far, which have no strokes. */
  async #startStrokes(before: number): Promise<HashedFile> {
    const file = await this.#create('strokes');
    for (let i = 0; i < before; i++) await file.write(NO_STROKES);
    return file;
  }

  #create(suffix: string): Promise<HashedFile> {
    return HashedFile.create(this.#folder, `${partName(this.#split, this.parts.length)}.${suffix}`);
  }
}

class HashedFile {
  readonly #name: string;
  readonly #handle: FileHandle;
  readonly #hash: Hash = createHash('sha256');
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  #filled = 0;
  #bytes = 0;

  private constructor(name: string, handle: FileHandle) {
    this.#name = name;
    this.#handle = handle;
  }

  static async create(folder: string, name: string): Promise<HashedFile> {
    return new HashedFile(name, await open(join(folder, name), 'wx'));
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const piece = bytes.subarray(at, at + BUFFER_BYTES - this.#filled);
      this.#buffer.set(piece, this.#filled);
      this.#filled += piece.length;
      at += piece.length;
      if (this.#filled === BUFFER_BYTES) await this.#flush();
    }
  }

  async end(): Promise<PartFile> {
    await this.#flush();
    await this.#handle.close();
    return { file: this.#name, bytes: this.#bytes, sha256: this.#hash.digest('hex') };
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #flush(): Promise<void> {
    const bytes = this.#buffer.subarray(0, this.#filled);
    this.#hash.update(bytes);
    await this.#handle.writeFile(bytes);
    this.#bytes += bytes.length;
    this.#filled = 0;
  }
}

/** The parts of a split, in order, and how many samples they have of each class. */
export interface SplitContent {
  readonly parts: DatasetPart[];
  readonly perClass: number[];
}

/** The manifest of a data set whose parts are written. */
export function manifestOf(
  about: Pick<DatasetManifest, 'name' | 'preprocessing' | 'recipe'> & { readonly classes: readonly string[] },
  content: Partial<Record<SplitName, SplitContent>>,
): DatasetManifest {
  const splits: DatasetManifest['splits'] = {};
  for (const split of SPLITS) {
    const found = content[split];
    if (!found) continue;
    const count = found.parts.reduce((sum, part) => sum + part.count, 0);
    splits[split] = { count, perClass: found.perClass, parts: found.parts };
  }
  const hashes = SPLITS.map((split) => [
    split,
    (splits[split]?.parts ?? []).map((part) => filesOf(part).map((file) => file.sha256)),
  ]);
  const { name, classes, preprocessing, recipe } = about;
  return {
    format: 'roble-dataset',
    version: 1,
    name,
    classes: [...classes],
    preprocessing,
    splits,
    recipe,
    fingerprint: sha256(JSON.stringify([classes, preprocessing, hashes])),
  };
}

/** Writes `dataset.json`, the last file of a data set. */
export async function writeManifest(folder: string, manifest: DatasetManifest): Promise<void> {
  await writeSynced(join(folder, 'dataset.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}
