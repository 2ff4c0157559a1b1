import { LRUCache } from 'lru-cache';

/** What an entry costs besides its numbers: key, typed array and bookkeeping, as measured with Node 20. */
const OVERHEAD_BYTES = 500;

/** Answers in memory, the least recently used one forgotten first. */
export class MemoryCache {
  readonly #entries: LRUCache<string, Float32Array>;

  /** @param maxBytes all entries together, above 0 */
  constructor(maxBytes: number) {
    this.#entries = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: ({ byteLength }) => byteLength + OVERHEAD_BYTES,
    });
  }

  get bytes(): number {
    return this.#entries.calculatedSize;
  }

  get entries(): number {
    return this.#entries.size;
  }

  get(key: string): Float32Array | undefined {
    return this.#entries.get(key);
  }

  set(key: string, probabilities: Float32Array): void {
    // A copy: a part of a batch would keep the whole of it in memory.
    this.#entries.set(key, probabilities.slice());
  }
}
