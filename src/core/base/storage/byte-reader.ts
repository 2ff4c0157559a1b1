import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { readStart, streamPlainFile } from './read-file.js';

/** A file as a stream, unpacked when its first bytes say gzip, whatever its name says. */
export async function openPlainOrGzip(path: string): Promise<Readable> {
  const file = await streamPlainFile(path);
  const start = await readStart(path, 2);
  if (start[0] !== 0x1f || start[1] !== 0x8b) return file;
  const gunzip = createGunzip({ chunkSize: 1 << 18 });
  // An error of the file destroys the unpacked stream with it, and the reader of that one sees it.
  pipeline(file, gunzip, () => {});
  return gunzip;
}

/** Takes exact numbers of bytes off a stream. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #stream: Readable;
  #held: Buffer = Buffer.alloc(0);

  constructor(stream: Readable) {
    this.#stream = stream;
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** The next `count` bytes, or all that is left when there are fewer. */
  async read(count: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    let missing = count;
    while (missing > 0) {
      if (this.#held.length === 0) {
        const next = await this.#chunks.next();
        if (next.done) break;
        this.#held = next.value;
      }
      const piece = this.#held.subarray(0, missing);
      this.#held = this.#held.subarray(piece.length);
      pieces.push(piece);
      missing -= piece.length;
    }
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  }

  /** Bytes that nobody took; reads to the end. */
  async drain(): Promise<number> {
    let count = this.#held.length;
    for (let next = await this.#chunks.next(); !next.done; next = await this.#chunks.next())
      count += next.value.length;
    return count;
  }

  close(): void {
    this.#stream.destroy();
  }
}
