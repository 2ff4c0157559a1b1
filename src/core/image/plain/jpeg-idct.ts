/**
 * The inverse DCT of libjpeg, in the integer arithmetic of its `islow` method (Loeffler, Ligtenberg and Moschytz, 1989), to
 * blocks of 8, 4, 2 or 1 samples on a side: what every decoder that is built on libjpeg gives, bit for bit.
 *
 * A coefficient is whole, and is multiplied by constants with 13 bits of fraction; after the columns 2 bits are kept.
 */
const CONST_BITS = 13;
const PASS1_BITS = 2;
const fix = (value: number): number => Math.round(value * 2 ** CONST_BITS);

const FIX_0_211 = fix(0.211164243);
const FIX_0_298 = fix(0.298631336);
const FIX_0_390 = fix(0.390180644);
const FIX_0_509 = fix(0.509795579);
const FIX_0_541 = fix(0.5411961);
const FIX_0_601 = fix(0.601344887);
const FIX_0_720 = fix(0.720959822);
const FIX_0_765 = fix(0.765366865);
const FIX_0_850 = fix(0.850430095);
const FIX_0_899 = fix(0.899976223);
const FIX_1_061 = fix(1.061594337);
const FIX_1_175 = fix(1.175875602);
const FIX_1_272 = fix(1.27275858);
const FIX_1_451 = fix(1.451774981);
const FIX_1_501 = fix(1.50132111);
const FIX_1_847 = fix(1.847759065);
const FIX_1_961 = fix(1.96157056);
const FIX_2_053 = fix(2.053119869);
const FIX_2_172 = fix(2.172734803);
const FIX_2_562 = fix(2.562915447);
const FIX_3_072 = fix(3.072711026);
const FIX_3_624 = fix(3.624509785);

const { imul } = Math;

/**
 * Pictures have far smaller values before and after the columns. libjpeg adds pairs of them in 16 bits where the processor can,
 * and in 32 where not, and then gives something else.
 */
export const RANGE = 1 << 14;
/** The bits that none of them has when {@link RANGE} is added. */
export const OUTSIDE = ~(2 * RANGE - 1);

/** Samples on a side of what a block of 8x8 becomes. */
export type BlockSize = 1 | 2 | 4 | 8;

/** The sample of a block, or all of its samples if nothing but its mean (DC) is not zero. */
export function meanSample(mean: number): number {
  return 128 + ((mean + 4) >> 3);
}

/** Computes blocks; one for each picture, for it notes whether any of them was out of range. */
export class InverseDct {
  readonly #columns = new Int32Array(64);
  #outOfRange = 0;

  /** Whether a value was larger than pictures have: libjpeg's ways of computing then give different results. */
  get isOutOfRange(): boolean {
    return this.#outOfRange !== 0;
  }

  /**
   * @param block dequantized coefficients, [8, 8]
   * @param plane where the samples go
   * @param at index of the first of them
   * @param stride samples of a row of the plane
   */
  write(block: Int32Array, size: 2 | 4 | 8, plane: Uint8ClampedArray, at: number, stride: number): void {
    if (size === 8) this.#to8(block, plane, at, stride);
    else if (size === 4) this.#to4(block, plane, at, stride);
    else this.#to2(block, plane, at, stride);
  }

  #to8(block: Int32Array, plane: Uint8ClampedArray, start: number, stride: number): void {
    const columns = this.#columns;
    let outOfRange = 0;
    for (let x = 0; x < 8; x++) {
      const c0 = block[x]!;
      const c1 = block[x + 8]!;
      const c2 = block[x + 16]!;
      const c3 = block[x + 24]!;
      const c4 = block[x + 32]!;
      const c5 = block[x + 40]!;
      const c6 = block[x + 48]!;
      const c7 = block[x + 56]!;
      if ((c1 | c2 | c3 | c4 | c5 | c6 | c7) === 0) {
        const mean = c0 << PASS1_BITS;
        outOfRange |= (mean + RANGE) & OUTSIDE;
        for (let y = x; y < 64; y += 8) columns[y] = mean;
        continue;
      }
      const z1 = imul(c2 + c6, FIX_0_541);
      const even2 = z1 - imul(c6, FIX_1_847);
      const even3 = z1 + imul(c2, FIX_0_765);
      const even0 = (c0 + c4) << CONST_BITS;
      const even1 = (c0 - c4) << CONST_BITS;
      const a = even0 + even3;
      const b = even1 + even2;
      const c = even1 - even2;
      const d = even0 - even3;
      const z5 = imul(c7 + c3 + c5 + c1, FIX_1_175);
      const o1 = -imul(c7 + c1, FIX_0_899);
      const o2 = -imul(c5 + c3, FIX_2_562);
      const o3 = z5 - imul(c7 + c3, FIX_1_961);
      const o4 = z5 - imul(c5 + c1, FIX_0_390);
      const odd0 = imul(c7, FIX_0_298) + o1 + o3;
      const odd1 = imul(c5, FIX_2_053) + o2 + o4;
      const odd2 = imul(c3, FIX_3_072) + o2 + o3;
      const odd3 = imul(c1, FIX_1_501) + o1 + o4;
      const r0 = (a + odd3 + 1024) >> 11;
      const r7 = (a - odd3 + 1024) >> 11;
      const r1 = (b + odd2 + 1024) >> 11;
      const r6 = (b - odd2 + 1024) >> 11;
      const r2 = (c + odd1 + 1024) >> 11;
      const r5 = (c - odd1 + 1024) >> 11;
      const r3 = (d + odd0 + 1024) >> 11;
      const r4 = (d - odd0 + 1024) >> 11;
      outOfRange |=
        ((r0 + RANGE) | (r1 + RANGE) | (r2 + RANGE) | (r3 + RANGE) | (r4 + RANGE) | (r5 + RANGE)) & OUTSIDE;
      outOfRange |= ((r6 + RANGE) | (r7 + RANGE)) & OUTSIDE;
      columns[x] = r0;
      columns[x + 8] = r1;
      columns[x + 16] = r2;
      columns[x + 24] = r3;
      columns[x + 32] = r4;
      columns[x + 40] = r5;
      columns[x + 48] = r6;
      columns[x + 56] = r7;
    }
    const half = (1 << 17) + (128 << 18);
    for (let y = 0, at = start; y < 64; y += 8, at += stride) {
      const c0 = columns[y]!;
      const c1 = columns[y + 1]!;
      const c2 = columns[y + 2]!;
      const c3 = columns[y + 3]!;
      const c4 = columns[y + 4]!;
      const c5 = columns[y + 5]!;
      const c6 = columns[y + 6]!;
      const c7 = columns[y + 7]!;
      const z1 = imul(c2 + c6, FIX_0_541);
      const even2 = z1 - imul(c6, FIX_1_847);
      const even3 = z1 + imul(c2, FIX_0_765);
      const even0 = ((c0 + c4) << CONST_BITS) + half;
      const even1 = ((c0 - c4) << CONST_BITS) + half;
      const z5 = imul(c7 + c3 + c5 + c1, FIX_1_175);
      const o1 = -imul(c7 + c1, FIX_0_899);
      const o2 = -imul(c5 + c3, FIX_2_562);
      const o3 = z5 - imul(c7 + c3, FIX_1_961);
      const o4 = z5 - imul(c5 + c1, FIX_0_390);
      const odd0 = imul(c7, FIX_0_298) + o1 + o3;
      const odd1 = imul(c5, FIX_2_053) + o2 + o4;
      const odd2 = imul(c3, FIX_3_072) + o2 + o3;
      const odd3 = imul(c1, FIX_1_501) + o1 + o4;
      plane[at] = (even0 + even3 + odd3) >> 18;
      plane[at + 7] = (even0 + even3 - odd3) >> 18;
      plane[at + 1] = (even1 + even2 + odd2) >> 18;
      plane[at + 6] = (even1 + even2 - odd2) >> 18;
      plane[at + 2] = (even1 - even2 + odd1) >> 18;
      plane[at + 5] = (even1 - even2 - odd1) >> 18;
      plane[at + 3] = (even0 - even3 + odd0) >> 18;
      plane[at + 4] = (even0 - even3 - odd0) >> 18;
    }
    this.#outOfRange |= outOfRange;
  }

  #to4(block: Int32Array, plane: Uint8ClampedArray, start: number, stride: number): void {
    const columns = this.#columns;
    let outOfRange = 0;
    for (let x = 0; x < 8; x++) {
      // The rows below do not need it.
      if (x === 4) continue;
      const even0 = block[x]! << (CONST_BITS + 1);
      const even2 = even4(block[x + 16]!, block[x + 48]!);
      const odd0 = inner4(block[x + 56]!, block[x + 40]!, block[x + 24]!, block[x + 8]!);
      const odd2 = outer4(block[x + 56]!, block[x + 40]!, block[x + 24]!, block[x + 8]!);
      const r0 = (even0 + even2 + odd2 + 2048) >> 12;
      const r3 = (even0 + even2 - odd2 + 2048) >> 12;
      const r1 = (even0 - even2 + odd0 + 2048) >> 12;
      const r2 = (even0 - even2 - odd0 + 2048) >> 12;
      outOfRange |= ((r0 + RANGE) | (r1 + RANGE) | (r2 + RANGE) | (r3 + RANGE)) & OUTSIDE;
      columns[x] = r0;
      columns[x + 8] = r1;
      columns[x + 16] = r2;
      columns[x + 24] = r3;
    }
    const half = (1 << 18) + (128 << 19);
    for (let y = 0, at = start; y < 32; y += 8, at += stride) {
      const even0 = (columns[y]! << (CONST_BITS + 1)) + half;
      const even2 = even4(columns[y + 2]!, columns[y + 6]!);
      const odd0 = inner4(columns[y + 7]!, columns[y + 5]!, columns[y + 3]!, columns[y + 1]!);
      const odd2 = outer4(columns[y + 7]!, columns[y + 5]!, columns[y + 3]!, columns[y + 1]!);
      plane[at] = (even0 + even2 + odd2) >> 19;
      plane[at + 3] = (even0 + even2 - odd2) >> 19;
      plane[at + 1] = (even0 - even2 + odd0) >> 19;
      plane[at + 2] = (even0 - even2 - odd0) >> 19;
    }
    this.#outOfRange |= outOfRange;
  }

  #to2(block: Int32Array, plane: Uint8ClampedArray, start: number, stride: number): void {
    const columns = this.#columns;
    let outOfRange = 0;
    for (let x = 0; x < 8; x++) {
      // The rows below need the first column and the odd ones.
      if (x > 0 && x % 2 === 0) continue;
      const even = block[x]! << (CONST_BITS + 2);
      const odd = pair2(block[x + 56]!, block[x + 40]!, block[x + 24]!, block[x + 8]!);
      const r0 = (even + odd + 4096) >> 13;
      const r1 = (even - odd + 4096) >> 13;
      outOfRange |= ((r0 + RANGE) | (r1 + RANGE)) & OUTSIDE;
      columns[x] = r0;
      columns[x + 8] = r1;
    }
    const half = (1 << 19) + (128 << 20);
    for (let y = 0, at = start; y < 16; y += 8, at += stride) {
      const even = (columns[y]! << (CONST_BITS + 2)) + half;
      const odd = pair2(columns[y + 7]!, columns[y + 5]!, columns[y + 3]!, columns[y + 1]!);
      plane[at] = (even + odd) >> 20;
      plane[at + 1] = (even - odd) >> 20;
    }
    this.#outOfRange |= outOfRange;
  }
}

const even4 = (c2: number, c6: number): number => imul(c2, FIX_1_847) - imul(c6, FIX_0_765);

const inner4 = (c7: number, c5: number, c3: number, c1: number): number =>
  imul(c5, FIX_1_451) - imul(c7, FIX_0_211) - imul(c3, FIX_2_172) + imul(c1, FIX_1_061);

const outer4 = (c7: number, c5: number, c3: number, c1: number): number =>
  imul(c3, FIX_0_899) - imul(c7, FIX_0_509) - imul(c5, FIX_0_601) + imul(c1, FIX_2_562);

const pair2 = (c7: number, c5: number, c3: number, c1: number): number =>
  imul(c5, FIX_0_850) - imul(c7, FIX_0_720) - imul(c3, FIX_1_272) + imul(c1, FIX_3_624);
