import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatasetPart, SampleProvenance, SplitName } from './format.js';

/** Samples in a part. */
export const PART_SAMPLES = 65_536;
const BUFFER_BYTES = 1 << 20;

/** Writes the parts of one split, one after another, and knows their hashes when they are done. */
export class PartWriter {
  readonly parts: DatasetPart[] = [];
  readonly #folder: string;
  readonly #split: SplitName;
  #open: { images: HashedFile; labels: HashedFile; samples: HashedFile; count: number } | undefined;

  constructor(folder: string, split: SplitName) {
    this.#folder = folder;
    this.#split = split;
  }

  async add(pixels: Uint8Array, label: number, provenance: SampleProvenance): Promise<void> {
    this.#open ??= await this.#start();
    const part = this.#open;
    await part.images.write(pixels);
    await part.labels.write(Uint8Array.of(label & 255, label >> 8));
    await part.samples.write(Buffer.from(`${JSON.stringify(provenance)}\n`));
    part.count += 1;
    if (part.count === PART_SAMPLES) await this.finish();
  }

  /** Ends the open part, if there is one. */
  async finish(): Promise<void> {
    const part = this.#open;
    if (!part) return;
    this.#open = undefined;
    const [images, labels, samples] = [
      await part.images.end(),
      await part.labels.end(),
      await part.samples.end(),
    ];
    this.parts.push({ count: part.count, images, labels, samples });
  }

  /** Closes what is open after a failure. */
  async abandon(): Promise<void> {
    const part = this.#open;
    this.#open = undefined;
    if (part) await Promise.all([part.images.close(), part.labels.close(), part.samples.close()]);
  }

  async #start() {
    const name = `${this.#split}-${String(this.parts.length).padStart(5, '0')}`;
    const create = (suffix: string) => HashedFile.create(this.#folder, `${name}.${suffix}`);
    const [images, labels, samples] = [
      await create('images'),
      await create('labels'),
      await create('samples.jsonl'),
    ];
    return { images, labels, samples, count: 0 };
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

  async end(): Promise<{ file: string; bytes: number; sha256: string }> {
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
