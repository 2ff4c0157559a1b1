import { type FileHandle, open, rm } from 'node:fs/promises';

const BUFFER_BYTES = 1 << 22;

/**
 * A file of records of equal size, written once from front to back and read back the same way. It holds converted
 * pictures while their classes and splits are not known yet, so that memory does not grow with the data.
 */
export class Spool {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #recordBytes: number;
  readonly #buffer: Buffer;
  #filled = 0;

  private constructor(path: string, handle: FileHandle, recordBytes: number) {
    this.#path = path;
    this.#handle = handle;
    this.#recordBytes = recordBytes;
    this.#buffer = Buffer.allocUnsafe(Math.max(1, Math.floor(BUFFER_BYTES / recordBytes)) * recordBytes);
  }

  static async create(path: string, recordBytes: number): Promise<Spool> {
    return new Spool(path, await open(path, 'wx+'), recordBytes);
  }

  async append(record: Uint8Array): Promise<void> {
    this.#buffer.set(record, this.#filled);
    this.#filled += this.#recordBytes;
    if (this.#filled === this.#buffer.length) await this.#flush();
  }

  /** All records in order. A record is valid until the next one is asked for. */
  async *records(): AsyncGenerator<Uint8Array> {
    await this.#flush();
    let position = 0;
    for (;;) {
      const { bytesRead } = await this.#handle.read(this.#buffer, 0, this.#buffer.length, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      for (let at = 0; at < bytesRead; at += this.#recordBytes)
        yield this.#buffer.subarray(at, at + this.#recordBytes);
    }
  }

  async remove(): Promise<void> {
    await this.#handle.close();
    await rm(this.#path, { force: true });
  }

  async #flush(): Promise<void> {
    if (this.#filled > 0) await this.#handle.writeFile(this.#buffer.subarray(0, this.#filled));
    this.#filled = 0;
  }
}
