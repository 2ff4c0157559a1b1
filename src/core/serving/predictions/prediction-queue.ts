import type { LoggedPrediction } from './logged-prediction.js';

/** What an entry takes besides its texts and pixels, and what a character takes. */
const ENTRY_BYTES = 600;
const CHARACTER_BYTES = 2;

interface Entry {
  readonly prediction: LoggedPrediction;
  readonly bytes: number;
}

/** Predictions that wait to be written, bounded in bytes: what does not fit is dropped and counted. */
export class PredictionQueue {
  readonly #maxBytes: number;
  #entries: Entry[] = [];
  #bytes = 0;
  #dropped = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get length(): number {
    return this.#entries.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** Whether it had room. */
  push(prediction: LoggedPrediction): boolean {
    const bytes = sizeOf(prediction);
    if (this.#bytes + bytes > this.#maxBytes) {
      this.#dropped++;
      return false;
    }
    this.#entries.push({ prediction, bytes });
    this.#bytes += bytes;
    return true;
  }

  /** The first ones, up to so many and so many bytes, but at least one; they stay until {@link remove}. */
  first(count: number, maxBytes: number): LoggedPrediction[] {
    let bytes = 0;
    const fits = (entry: Entry, i: number) => {
      bytes += entry.bytes;
      return i === 0 || bytes <= maxBytes;
    };
    const candidates = this.#entries.slice(0, count);
    const end = candidates.findIndex((entry, i) => !fits(entry, i));
    return candidates.slice(0, end === -1 ? count : end).map(({ prediction }) => prediction);
  }

  /** Takes the first ones away: they were written, or are given up. */
  remove(count: number, isDropped = false): void {
    for (const { bytes } of this.#entries.splice(0, count)) this.#bytes -= bytes;
    if (isDropped) this.#dropped += count;
  }

  has(requestId: string, index: number): boolean {
    return this.#entries.some(
      ({ prediction }) => prediction.requestId === requestId && prediction.index === index,
    );
  }
}

function sizeOf({ requestId, predictions, pixels }: LoggedPrediction): number {
  const characters = predictions.reduce((sum, { label }) => sum + label.length + 40, requestId.length);
  return ENTRY_BYTES + CHARACTER_BYTES * characters + (pixels?.byteLength ?? 0);
}
