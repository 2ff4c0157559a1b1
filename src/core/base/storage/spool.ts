import { type FileHandle, open, rm } from 'node:fs/promises';
import { RobleError } from '../errors.js';

const BUFFER_BYTES = 1 << 22;

/**
 * A file of records, written once from front to back and read back the same way; whoever reads knows their lengths. It
 * holds converted pictures while their classes and splits are not known yet, so that memory does not grow with the data.
 */
export class Spool {
  readonly #path: string;
  readonly #handle: FileHandle;
  #buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  /** What is in the buffer: written and not yet in the file, or read and not yet asked for. */
  #start = 0;
  #end = 0;
  #isReading = false;
  /** Bytes of the file that were read. */
  #position = 0;

  private constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  static async create(path: string): Promise<Spool> {
    return new Spool(path, await open(path, 'wx+'));
  }

  async append(record: Uint8Array): Promise<void> {
    if (this.#end + record.length > this.#buffer.length) await this.#flush();
    this.#reserve(record.length);
    this.#buffer.set(record, this.#end);
    this.#end += record.length;
  }

  /** Goes back to the first record, to read from there; after the first time nothing can be written any more. */
  async rewind(): Promise<void> {
    if (!this.#isReading) await this.#flush();
    this.#isReading = true;
    this.#start = 0;
    this.#end = 0;
    this.#position = 0;
  }

  /** The next record. It is valid until the following one is asked for. */
  async next(length: number): Promise<Uint8Array> {
    if (this.#end - this.#start < length) await this.#fill(length);
    this.#start += length;
    return this.#buffer.subarray(this.#start - length, this.#start);
  }

  async remove(): Promise<void> {
    await this.#handle.close();
    await rm(this.#path, { force: true });
  }

  async #flush(): Promise<void> {
    if (this.#end > 0) await this.#handle.writeFile(this.#buffer.subarray(0, this.#end));
    this.#end = 0;
  }

  async #fill(length: number): Promise<void> {
    this.#buffer.copy(this.#buffer, 0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#start = 0;
    this.#reserve(length);
    while (this.#end < length) {
      const room = this.#buffer.length - this.#end;
      const { bytesRead } = await this.#handle.read(this.#buffer, this.#end, room, this.#position);
      if (bytesRead === 0)
        throw new RobleError('ROBLE_WRITE_FAILED', `${this.#path} is shorter than what was written.`);
      this.#position += bytesRead;
      this.#end += bytesRead;
    }
  }

  /** Makes room for a record that is larger than the buffer; what is in it stays. */
  #reserve(length: number): void {
    if (length <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(length);
    this.#buffer.copy(larger, 0, this.#start, this.#end);
    this.#buffer = larger;
  }
}
