import { LRUCache } from 'lru-cache';
import { bytesOf } from './bytes-of.js';

/** What an entry costs besides its numbers: key and bookkeeping, as measured with Node 20. */
const OVERHEAD_BYTES = 200;

/**
 * Answers in memory, the least recently used one forgotten first. Their bytes are kept as texts of one byte a character:
 * each array would have memory of its own beside the heap, which costs as much again and leaves holes when it is freed.
 */
export class MemoryCache {
  readonly #entries: LRUCache<string, string>;

  /** @param maxBytes all entries together, above 0 */
  constructor(maxBytes: number) {
    this.#entries = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: ({ length }) => length + OVERHEAD_BYTES,
    });
  }

  get bytes(): number {
    return this.#entries.calculatedSize;
  }

  get entries(): number {
    return this.#entries.size;
  }

  get(key: string): Float32Array | undefined {
    const text = this.#entries.get(key);
    if (text === undefined) return undefined;
    const probabilities = new Float32Array(text.length / Float32Array.BYTES_PER_ELEMENT);
    bytesOf(probabilities).write(text, 'latin1');
    return probabilities;
  }

  set(key: string, probabilities: Float32Array): void {
    this.#entries.set(key, bytesOf(probabilities).toString('latin1'));
  }
}
