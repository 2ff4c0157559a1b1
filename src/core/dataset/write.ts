import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { RobleError } from '../errors.js';
import type { Preprocessing } from '../image/preprocessing.js';
import { createFolder, sha256, writeSynced } from '../storage/durable.js';
import { type DatasetManifest, type DatasetPart, manifestSchema, type SampleProvenance, SPLITS, type SplitName } from './format.js';

const SAMPLES_PER_PART = 65_536;
/** Bytes that are collected before they are written. */
const BUFFER_BYTES = 1 << 20;

export interface DatasetDescription {
  readonly name: string;
  readonly classes: readonly string[];
  readonly preprocessing: Preprocessing;
  /** How it was made, for people and for a repeat; no times and no paths of the machine. */
  readonly recipe: Readonly<Record<string, unknown>>;
}

/** A sample on its way into a data set. */
export interface PackedSample {
  readonly split: SplitName;
  /** uint8, [height, width, channels]. */
  readonly pixels: Uint8Array;
  /** Index into the classes. */
  readonly label: number;
  readonly provenance: SampleProvenance;
}

/**
 * Writes a data set into a new folder, all at once: it appears complete or not at all.
 *
 * @param samples in the order in which each split keeps them.
 * @throws {RobleError} `ROBLE_OUTPUT_EXISTS`, `ROBLE_DISK_FULL`, `ROBLE_SOURCE_EMPTY`, or what `samples` throws.
 */
export async function writeDataset(
  folder: string,
  description: DatasetDescription,
  samples: AsyncIterable<PackedSample> | Iterable<PackedSample>,
): Promise<DatasetManifest> {
  let manifest: DatasetManifest | undefined;
  await createFolder(folder, async (temporary) => {
    const writers = new Map<SplitName, SplitWriter>();
    try {
      for await (const sample of samples) {
        const writer = writers.get(sample.split) ?? new SplitWriter(temporary, sample.split, description);
        writers.set(sample.split, writer);
        await writer.add(sample);
      }
      manifest = await finish(description, writers);
    } finally {
      for (const writer of writers.values()) await writer.abandon();
    }
    await writeSynced(join(temporary, 'dataset.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  });
  return manifest!;
}

async function finish(description: DatasetDescription, writers: Map<SplitName, SplitWriter>): Promise<DatasetManifest> {
  if (writers.size === 0) throw new RobleError('ROBLE_SOURCE_EMPTY', 'There is no sample to write.', { expected: 'at least one sample' });
  const splits: Partial<Record<SplitName, DatasetManifest['splits']['train']>> = {};
  for (const name of SPLITS) {
    const writer = writers.get(name);
    if (writer) splits[name] = await writer.finish();
  }
  const { classes, preprocessing } = description;
  const parts = Object.values(splits).flatMap((split) => split!.parts);
  const hashes = parts.flatMap(({ images, labels, samples }) => [images.sha256, labels.sha256, samples.sha256]);
  const fingerprint = sha256(JSON.stringify({ classes, preprocessing, splits: Object.keys(splits), hashes }));
  return manifestSchema.parse({ format: 'roble-dataset', version: 1, ...description, splits, fingerprint });
}

class SplitWriter {
  readonly #folder: string;
  readonly #split: SplitName;
  readonly #perClass: number[];
  readonly #parts: DatasetPart[] = [];
  #count = 0;
  #open: { images: HashedFile; labels: HashedFile; samples: HashedFile } | undefined;

  constructor(folder: string, split: SplitName, { classes }: DatasetDescription) {
    this.#folder = folder;
    this.#split = split;
    this.#perClass = classes.map(() => 0);
  }

  async add({ pixels, label, provenance }: PackedSample): Promise<void> {
    this.#open ??= await this.#openPart();
    await this.#open.images.write(pixels);
    await this.#open.labels.write(Uint8Array.of(label & 0xff, label >> 8));
    await this.#open.samples.write(Buffer.from(`${JSON.stringify(provenance)}\n`));
    this.#perClass[label]!++;
    this.#count++;
    if (++this.#open.images.entries === SAMPLES_PER_PART) await this.#closePart();
  }

  async finish() {
    if (this.#open) await this.#closePart();
    return { count: this.#count, perClass: this.#perClass, parts: this.#parts };
  }

  /** Closes what an error left open. */
  async abandon(): Promise<void> {
    for (const file of Object.values(this.#open ?? {})) await file.abandon();
    this.#open = undefined;
  }

  async #openPart() {
    const stem = `${this.#split}-${String(this.#parts.length).padStart(5, '0')}`;
    const file = (extension: string) => HashedFile.create(this.#folder, `${stem}.${extension}`);
    return { images: await file('images.bin'), labels: await file('labels.bin'), samples: await file('samples.jsonl') };
  }

  async #closePart(): Promise<void> {
    const { images, labels, samples } = this.#open!;
    const count = images.entries;
    this.#parts.push({ count, images: await images.close(), labels: await labels.close(), samples: await samples.close() });
    this.#open = undefined;
  }
}

/** A file that is hashed while it is written, in large pieces. */
class HashedFile {
  entries = 0;
  readonly #name: string;
  readonly #handle: FileHandle;
  readonly #hash: Hash = createHash('sha256');
  readonly #pending = Buffer.alloc(BUFFER_BYTES);
  #pendingBytes = 0;
  #bytes = 0;

  private constructor(name: string, handle: FileHandle) {
    this.#name = name;
    this.#handle = handle;
  }

  static async create(folder: string, name: string): Promise<HashedFile> {
    return new HashedFile(name, await open(join(folder, name), 'wx'));
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#pendingBytes + bytes.length > BUFFER_BYTES) await this.#flush();
    if (bytes.length > BUFFER_BYTES) return this.#put(bytes);
    this.#pending.set(bytes, this.#pendingBytes);
    this.#pendingBytes += bytes.length;
  }

  async close(): Promise<DatasetPart['images']> {
    await this.#flush();
    await this.#handle.close();
    return { file: this.#name, bytes: this.#bytes, sha256: this.#hash.digest('hex') };
  }

  async abandon(): Promise<void> {
    await this.#handle.close();
  }

  async #flush(): Promise<void> {
    const filled = this.#pending.subarray(0, this.#pendingBytes);
    this.#pendingBytes = 0;
    await this.#put(filled);
  }

  async #put(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
    await this.#handle.writeFile(bytes);
  }
}
