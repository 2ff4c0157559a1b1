import { type FileHandle, open, rm } from 'node:fs/promises';
import { RobleError } from '../errors.js';

const BUFFER_BYTES = 1 << 22;

/**
 * A file of records that grows at its end and is read back by their places; whoever reads knows their lengths. It holds
 * converted pictures while their classes and splits are not known yet, so that memory does not grow with the data.
 */
export class Spool {
  readonly path: string;
  readonly #handle: FileHandle;
  /** What is written and not yet in the file. */
  #pending = Buffer.allocUnsafe(BUFFER_BYTES);
  #pendingBytes = 0;
  /** Bytes in the file. */
  #size: number;
  /** A piece of the file that was read, and where it lies. */
  #read: Buffer = Buffer.alloc(0);
  #readAt = 0;

  private constructor(path: string, handle: FileHandle, size: number) {
    this.path = path;
    this.#handle = handle;
    this.#size = size;
  }

  /** A new file. */
  static async create(path: string): Promise<Spool> {
    return new Spool(path, await open(path, 'wx+'), 0);
  }

  /** A file that an earlier process may have left: what is in it stays. */
  static async reopen(path: string): Promise<Spool> {
    const handle = await open(path, 'a+');
    return new Spool(path, handle, (await handle.stat()).size);
  }

  /** @returns the place of the record, for {@link read} */
  async append(record: Uint8Array): Promise<number> {
    if (this.#pendingBytes + record.length > this.#pending.length) await this.flush();
    const at = this.#size + this.#pendingBytes;
    if (record.length > this.#pending.length) await this.#write(record);
    else {
      this.#pending.set(record, this.#pendingBytes);
      this.#pendingBytes += record.length;
    }
    return at;
  }

  /** The record at a place; quick for one that follows the one before it. It is valid until the next one is asked for. */
  async read(at: number, length: number): Promise<Uint8Array> {
    if (at < this.#readAt || at + length > this.#readAt + this.#read.length) await this.#fill(at, length);
    return this.#read.subarray(at - this.#readAt, at - this.#readAt + length);
  }

  /** Gives what was written to the file, where it survives the end of this process. */
  async flush(): Promise<void> {
    const bytes = this.#pending.subarray(0, this.#pendingBytes);
    this.#pendingBytes = 0;
    if (bytes.length > 0) await this.#write(bytes);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async remove(): Promise<void> {
    await this.close();
    await rm(this.path, { force: true });
  }

  async #write(bytes: Uint8Array): Promise<void> {
    await this.#handle.writeFile(bytes);
    this.#size += bytes.length;
  }

  async #fill(at: number, length: number): Promise<void> {
    if (at + length > this.#size) await this.flush();
    const wanted = Math.max(length, Math.min(BUFFER_BYTES, this.#size - at));
    const buffer = this.#read.length === wanted ? this.#read : Buffer.allocUnsafe(wanted);
    this.#read = buffer;
    this.#readAt = at;
    for (let filled = 0; filled < wanted; ) {
      const { bytesRead } = await this.#handle.read(buffer, filled, wanted - filled, at + filled);
      if (bytesRead === 0)
        throw new RobleError('ROBLE_WRITE_FAILED', `${this.path} is shorter than what was written.`);
      filled += bytesRead;
    }
  }
}
