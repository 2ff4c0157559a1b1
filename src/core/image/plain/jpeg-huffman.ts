import type { HuffmanSpec } from './jpeg-header.js';

/** The longest code. */
const MOST_BITS = 16;
/** Fields of an entry: how many bits it takes, how far the position moves, the coefficient. */
const STEP_SHIFT = 5;
const VALUE_SHIFT = 16;

/** What {@link HuffmanTable.find} gives besides a symbol: the code does not exist. */
export const NO_CODE = -1;

/**
 * Codes of a JPEG with tables in which the next bits are looked up: {@link symbols} for a code, {@link coefficients} for a
 * code and the number that follows it, {@link runs} for as many of both as the bits hold.
 */
export class HuffmanTable {
  /** How many bits the tables are looked up by. */
  readonly bits: number;
  /** length | symbol << 5; 0: the code is longer. */
  readonly symbols: Int32Array;
  /** For AC: length | zeros << 5 | coefficient << 16; coefficient 0: end of the block, or 16 zeros; 0: longer. */
  readonly coefficients: Int32Array;
  /** For AC that are passed over: length | coefficients << 5 | END_OF_BLOCK; 0: longer. */
  readonly runs: Int32Array;
  readonly #spec: HuffmanSpec;
  /** By length: the first code that is too large for it, and what is added to a code to find its symbol. */
  readonly #limits = new Int32Array(MOST_BITS + 1);
  readonly #offsets = new Int32Array(MOST_BITS + 1);

  private constructor(spec: HuffmanSpec, kind: 'dc' | 'ac', bits: number) {
    this.#spec = spec;
    this.bits = bits;
    const ofCoefficients = kind === 'ac' ? 1 << bits : 0;
    this.symbols = new Int32Array(1 << bits);
    this.coefficients = new Int32Array(ofCoefficients);
    this.runs = new Int32Array(ofCoefficients);
  }

  /** Undefined for counts that are no code. */
  static of(spec: HuffmanSpec, kind: 'dc' | 'ac', bits: number): HuffmanTable | undefined {
    const table = new HuffmanTable(spec, kind, bits);
    if (!table.#fill()) return undefined;
    if (kind === 'dc') return spec.symbols.every((symbol) => symbol < 16) ? table : undefined;
    table.#fillCoefficients();
    table.#fillRuns();
    return table;
  }

  /** ITU-T T.81, C.2: codes of a length follow each other, and no code consists of ones only. */
  #fill(): boolean {
    let code = 0;
    let index = 0;
    for (let length = 1; length <= MOST_BITS; length++, code <<= 1) {
      this.#offsets[length] = index - code;
      for (let i = 0; i < this.#spec.counts[length - 1]!; i++, code++, index++) {
        if (length > this.bits) continue;
        const from = code << (this.bits - length);
        this.symbols.fill(
          length | (this.#spec.symbols[index]! << STEP_SHIFT),
          from,
          from + (1 << (this.bits - length)),
        );
      }
      this.#limits[length] = code;
      if (code >= 1 << length) return false;
    }
    return true;
  }

  /**
   * A code that is longer than the tables' bits.
   *
   * @param bits 16 bits from where it begins
   * @returns length | symbol << 5, or {@link NO_CODE}
   */
  find(bits: number): number {
    for (let length = this.bits + 1; length <= MOST_BITS; length++) {
      const code = bits >>> (MOST_BITS - length);
      if (code < this.#limits[length]!)
        return length | (this.#spec.symbols[code + this.#offsets[length]!]! << STEP_SHIFT);
    }
    return NO_CODE;
  }

  #fillCoefficients(): void {
    const { bits } = this;
    for (let i = 0; i < this.symbols.length; i++) {
      const entry = this.symbols[i]!;
      const length = entry & 31;
      const zeros = entry >> (STEP_SHIFT + 4);
      const size = (entry >> STEP_SHIFT) & 15;
      if (length === 0 || length + size > bits) continue;
      if (size === 0) {
        this.coefficients[i] = length | ((zeros === 15 ? 16 : 0) << STEP_SHIFT);
        continue;
      }
      const value = extended((i >> (bits - length - size)) & ((1 << size) - 1), size);
      this.coefficients[i] = (length + size) | (zeros << STEP_SHIFT) | (value << VALUE_SHIFT);
    }
  }

  #fillRuns(): void {
    const { bits, coefficients } = this;
    const mask = (1 << bits) - 1;
    for (let i = 0; i < coefficients.length; i++) {
      let used = 0;
      let steps = 0;
      let end = 0;
      for (;;) {
        const entry = coefficients[(i << used) & mask]!;
        if (entry === 0 || used + (entry & 31) > bits) break;
        used += entry & 31;
        steps += ((entry >> STEP_SHIFT) & 31) + (entry >> VALUE_SHIFT === 0 ? 0 : 1);
        if (isEnd(entry)) {
          end = END_OF_BLOCK;
          break;
        }
      }
      this.runs[i] = used === 0 ? 0 : used | (steps << STEP_SHIFT) | end;
    }
  }
}

/** In {@link HuffmanTable.runs}: the block ends after these. */
export const END_OF_BLOCK = 1 << 15;

function isEnd(entry: number): boolean {
  return entry >> STEP_SHIFT === 0;
}

/** T.81, F.2.2.1: a number of `size` bits, of which the lower half stands for negative ones. */
export function extended(bits: number, size: number): number {
  return bits < 1 << (size - 1) ? bits - (1 << size) + 1 : bits;
}
