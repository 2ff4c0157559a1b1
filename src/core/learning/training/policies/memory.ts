import { join } from 'node:path';
import { RobleError } from '../../../base/errors.js';
import { replaceFile } from '../../../base/storage/durable.js';
import { readPlainText } from '../../../base/storage/read-file.js';

/** What was found out about the memory; plain data that goes into checkpoints. */
export interface MemoryState {
  /** Samples in memory at once while training. */
  readonly microbatchSize: number;
  /** The same while evaluating. */
  readonly evaluationBatchSize: number;
  /** What the settings ask for while evaluating; when that changes, it is tried again. */
  readonly evaluationAskedFor: number;
  /** A larger microbatch is tried from the end of this epoch on; undefined: none is. */
  readonly growAfterEpoch?: number;
  /** Epochs to wait after the next failed try. */
  readonly patience: number;
}

interface MemorySettings {
  readonly microbatchSize: number;
  readonly evaluationBatchSize: number;
}

/** The microbatch that the settings ask for: the whole batch, if they say nothing. */
export function askedMicrobatch(batchSize: number, { microbatchSize }: MemorySettings): number {
  return microbatchSize === 0 ? batchSize : Math.min(microbatchSize, batchSize);
}

/** At the start of a run, or where it goes on with what it knows and with settings that may have changed. */
export function memoryFor(batchSize: number, settings: MemorySettings, known?: MemoryState): MemoryState {
  const { evaluationBatchSize } = settings;
  const evaluation = { evaluationBatchSize, evaluationAskedFor: evaluationBatchSize };
  if (!known) return { microbatchSize: askedMicrobatch(batchSize, settings), ...evaluation, patience: 1 };
  return known.evaluationAskedFor === evaluationBatchSize ? known : { ...known, ...evaluation };
}

/** After a lack of memory in `epoch`: half the microbatch, and a wait that doubles; undefined when it is 1 already. */
export function shrink(state: MemoryState, epoch: number): MemoryState | undefined {
  if (state.microbatchSize === 1) return undefined;
  return {
    ...state,
    microbatchSize: Math.ceil(state.microbatchSize / 2),
    growAfterEpoch: epoch - 1 + state.patience,
    patience: state.patience * 2,
  };
}

/** Shrinks until at most `size` samples are in memory. */
export function shrinkTo(state: MemoryState, epoch: number, size: number): MemoryState {
  let shrunk = state;
  while (shrunk.microbatchSize > size) shrunk = shrink(shrunk, epoch) ?? shrunk;
  return shrunk;
}

/** At the end of an epoch: twice the microbatch, up to what the settings ask for; undefined when it stays. */
export function grow(state: MemoryState, epoch: number, limit: number): MemoryState | undefined {
  if (state.growAfterEpoch === undefined || epoch < state.growAfterEpoch || state.microbatchSize >= limit)
    return undefined;
  const microbatchSize = Math.min(state.microbatchSize * 2, limit);
  const { growAfterEpoch: _, ...rest } = state;
  return { ...rest, microbatchSize, ...(microbatchSize < limit && { growAfterEpoch: epoch + 1 }) };
}

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
