import { hash } from 'node:crypto';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { RobleError } from '../../base/errors.js';

const KEY_BYTES = 32;
/** Bytes of a vector's SHA-256 that stand beside its key: enough to see that a disk gave back something else. */
const CHECK_BYTES = 8;
const ENTRY_BYTES = KEY_BYTES + CHECK_BYTES;

/** Vectors that are read at a time to be checked. */
const CHECKED_AT_ONCE = 256;

/**
 * Vectors of one length on the disk, each under the SHA-256 of what it was computed from: `values.bin` holds the vectors,
 * float32, one behind the other, `keys.bin` their keys in the same order, each with a check sum. Both only grow, so that
 * a row, once given, stays what it is. A key is written when its vector is on the disk: a kill between them loses that
 * vector and nothing else.
 *
 * Whoever adds to a store has locked its folder; readers need no lock.
 */
export class FeatureStore {
  readonly #values: FileHandle;
  readonly #keys: FileHandle;
  readonly #vectorBytes: number;
  /** Rows by key, as hexadecimal text; of a key that comes twice, the later one. */
  readonly #rows: Map<string, number>;
  readonly #checks: Buffer[];

  private constructor(files: Files, vectorBytes: number, rows: Map<string, number>, checks: Buffer[]) {
    this.#values = files.values;
    this.#keys = files.keys;
    this.#vectorBytes = vectorBytes;
    this.#rows = rows;
    this.#checks = checks;
  }

  /**
   * Opens the store of a folder, which is made where there is none.
   *
   * @param length numbers in a vector
   */
  static async open(folder: string, length: number): Promise<FeatureStore> {
    if (endianness() !== 'LE')
      throw new RobleError('ROBLE_INTERNAL', 'Features are kept by little-endian machines only.');
    await mkdir(folder, { recursive: true });
    const files = {
      values: await open(valuesFile(folder), 'a+'),
      keys: await open(join(folder, 'keys.bin'), 'a+'),
    };
    try {
      const vectorBytes = length * Float32Array.BYTES_PER_ELEMENT;
      const count = await completeRows(files, vectorBytes);
      const entries = await readAt(files.keys, 0, count * ENTRY_BYTES);
      const rows = new Map<string, number>();
      const checks: Buffer[] = [];
      for (let row = 0; row < count; row++) {
        const entry = entries.subarray(row * ENTRY_BYTES, (row + 1) * ENTRY_BYTES);
        rows.set(entry.toString('hex', 0, KEY_BYTES), row);
        checks.push(entry.subarray(KEY_BYTES));
      }
      return new FeatureStore(files, vectorBytes, rows, checks);
    } catch (error) {
      await closeAll(files);
      throw error;
    }
  }

  /** The row of a key, from 0; undefined where there is none. */
  rowOf(key: string): number | undefined {
    return this.#rows.get(key);
  }

  /**
   * Adds vectors, which are on the disk when it returns.
   *
   * @param keys SHA-256 of each, as hexadecimal text
   * @param vectors float32, [keys, length]
   */
  async add(keys: readonly string[], vectors: Float32Array): Promise<void> {
    const values = Buffer.from(vectors.buffer, vectors.byteOffset, vectors.byteLength);
    const checks = keys.map((_, i) =>
      checkOf(values.subarray(i * this.#vectorBytes, (i + 1) * this.#vectorBytes)),
    );
    await this.#values.appendFile(values);
    await this.#values.datasync();
    await this.#keys.appendFile(
      Buffer.concat(keys.flatMap((key, i) => [Buffer.from(key, 'hex'), checks[i]!])),
    );
    await this.#keys.datasync();
    for (const [i, key] of keys.entries()) {
      this.#rows.set(key, this.#checks.length);
      this.#checks.push(checks[i]!);
    }
  }

  /** Forgets the keys whose vectors are not what was written, and gives how many there were. */
  async dropDamaged(keys: Iterable<string>): Promise<number> {
    const rows = new Map([...keys].flatMap((key) => rowEntry(key, this.#rows.get(key))));
    const sorted = [...rows.keys()].sort((a, b) => a - b);
    let damaged = 0;
    for (let i = 0; i < sorted.length; ) {
      let end = i + 1;
      while (end < sorted.length && sorted[end]! === sorted[i]! + (end - i) && end - i < CHECKED_AT_ONCE)
        end++;
      const bytes = await readAt(this.#values, sorted[i]! * this.#vectorBytes, (end - i) * this.#vectorBytes);
      for (let at = 0; i < end; i++, at += this.#vectorBytes) {
        const row = sorted[i]!;
        if (checkOf(bytes.subarray(at, at + this.#vectorBytes)).equals(this.#checks[row]!)) continue;
        this.#rows.delete(rows.get(row)!);
        damaged++;
      }
    }
    return damaged;
  }

  async close(): Promise<void> {
    await closeAll({ values: this.#values, keys: this.#keys });
  }
}

interface Files {
  readonly values: FileHandle;
  readonly keys: FileHandle;
}

/** The file of a store's vectors, which readers open themselves. */
export const valuesFile = (folder: string): string => join(folder, 'values.bin');

const rowEntry = (key: string, row: number | undefined) => (row === undefined ? [] : [[row, key] as const]);

const checkOf = (vector: Buffer): Buffer =>
  (hash('sha256', vector, 'buffer') as Buffer).subarray(0, CHECK_BYTES);

/** How many rows both files have; what a kill left half-written is cut off. */
async function completeRows({ values, keys }: Files, vectorBytes: number): Promise<number> {
  const [{ size: valueBytes }, { size: keyBytes }] = [await values.stat(), await keys.stat()];
  const count = Math.min(Math.floor(valueBytes / vectorBytes), Math.floor(keyBytes / ENTRY_BYTES));
  if (valueBytes !== count * vectorBytes) await values.truncate(count * vectorBytes);
  if (keyBytes !== count * ENTRY_BYTES) await keys.truncate(count * ENTRY_BYTES);
  return count;
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, length - done, position + done);
    if (bytesRead === 0)
      throw new RobleError('ROBLE_INTERNAL', 'A store of features is shorter than it was.');
    done += bytesRead;
  }
  return bytes;
}

async function closeAll({ values, keys }: Files): Promise<void> {
  await Promise.all([values.close(), keys.close()]);
}
