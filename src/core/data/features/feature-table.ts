import { closeSync, openSync, readSync } from 'node:fs';
import { RobleError } from '../../base/errors.js';

/** Where the features of a split's samples are: plain data, so that it passes to threads. */
export interface FeatureTable {
  /** `values.bin` of a store. */
  readonly file: string;
  /** Numbers in a vector. */
  readonly length: number;
  /** Samples in the split. */
  readonly count: number;
  /** [views, count]: the rows of the samples, once for each view of their pictures. */
  readonly rows: Uint32Array<SharedArrayBuffer>;
}

/** Reads vectors as they are needed, from memory where the system keeps the file there. */
export class FeatureReader {
  readonly #table: FeatureTable;
  readonly #file: number;

  constructor(table: FeatureTable) {
    this.#table = table;
    this.#file = openSync(table.file, 'r');
  }

  /** Writes the features of a sample into `target`, float32, [length]; view 0 is the picture as it is. */
  read(target: Float32Array, sample: number, view: number): void {
    const { rows, count, file } = this.#table;
    const { buffer, byteOffset, byteLength } = target;
    const position = rows[view * count + sample]! * byteLength;
    const bytes = readSync(
      this.#file,
      new Uint8Array(buffer, byteOffset, byteLength),
      0,
      byteLength,
      position,
    );
    if (bytes !== byteLength)
      throw new RobleError('ROBLE_FILE_UNREADABLE', `${file} became shorter while it was used.`, {
        received: `${bytes} bytes at ${position}`,
        expected: `${byteLength}`,
        nextSteps: ['Go on with "roble train:resume": what is missing is computed again.'],
      });
  }

  /** The features of the samples `start` to `end` - 1, as they are: float32, [end - start, length]. */
  readRange(start: number, end: number): Float32Array {
    const { length } = this.#table;
    const values = new Float32Array((end - start) * length);
    for (let i = start; i < end; i++)
      this.read(values.subarray((i - start) * length, (i - start + 1) * length), i, 0);
    return values;
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** How many views of each picture a table has. */
export const viewsOf = ({ rows, count }: FeatureTable): number => rows.length / count;
