import { join } from 'node:path';
import { RobleError } from '../../../base/errors.js';
import { replaceFile } from '../../../base/storage/durable.js';
import { readPlainText } from '../../../base/storage/read-file.js';

const FILE = 'microbatches.json';

/**
 * From which step on how many samples were in memory at once. It depends on the machine and not on the settings, so it
 * is written down before it takes effect: an attempt that goes on from before such a step sums the same gradients in the
 * same parts, and gets the same bits.
 */
export class MicrobatchRecord {
  readonly #path: string;
  readonly #sizes: Map<number, number>;

  private constructor(path: string, sizes: Map<number, number>) {
    this.#path = path;
    this.#sizes = sizes;
  }

  static async open(run: string): Promise<MicrobatchRecord> {
    const path = join(run, FILE);
    try {
      return new MicrobatchRecord(path, new Map(JSON.parse(await readPlainText(path))));
    } catch (error) {
      if (RobleError.from(error).code !== 'ROBLE_FILE_NOT_FOUND') throw error;
      return new MicrobatchRecord(path, new Map());
    }
  }

  /** The size that an earlier attempt took from this step on. */
  at(step: number): number | undefined {
    return this.#sizes.get(step);
  }

  /** A new decision: what an earlier attempt decided for this step and later ones is void. */
  async decide(step: number, size: number): Promise<void> {
    for (const other of this.#sizes.keys()) if (other >= step) this.#sizes.delete(other);
    this.#sizes.set(step, size);
    await replaceFile(this.#path, JSON.stringify([...this.#sizes]));
  }
}
