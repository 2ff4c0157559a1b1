/**
 * Philox4x32-10, the counter-based random number generator of Salmon, Moraes, Dror and Shaw,
 * "Parallel random numbers: as easy as 1, 2, 3" (SC 2011): the output is a pure function of a 64-bit key and a
 * 128-bit counter, so any number of any stream can be computed without those before it.
 */
const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;
const ROUNDS = 10;

/**
 * The upper 32 bits of the product of two unsigned 32-bit integers, by their halves: no sum here exceeds 32 bits, so
 * that it stays in integer registers (Warren, "Hacker's Delight", section 8-2).
 */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = (Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16)) | 0;
  const carry = (Math.imul(aLow, bHigh) + (middle & 0xffff)) | 0;
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (carry >>> 16)) | 0;
}

/**
 * Fills `out` with the blocks of four 32-bit words for (`counter`, `key`), (`counter` + 1, `key`), ...; only the first
 * word of the counter counts up.
 */
export function philox4x32(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
  out: Uint32Array,
): void {
  for (let i = 0; i + 3 < out.length; i += 4) {
    let c0 = (counter[0] + (i >>> 2)) | 0;
    let c1 = counter[1] | 0;
    let c2 = counter[2] | 0;
    let c3 = counter[3] | 0;
    let k0 = key[0] | 0;
    let k1 = key[1] | 0;
    for (let round = 0; round < ROUNDS; round++) {
      const high0 = multiplyHigh(M0, c0);
      const high1 = multiplyHigh(M1, c2);
      const low0 = Math.imul(M0, c0);
      const low1 = Math.imul(M1, c2);
      c0 = high1 ^ c1 ^ k0;
      c1 = low1;
      c2 = high0 ^ c3 ^ k1;
      c3 = low0;
      k0 = (k0 + W0) | 0;
      k1 = (k1 + W1) | 0;
    }
    out[i] = c0;
    out[i + 1] = c1;
    out[i + 2] = c2;
    out[i + 3] = c3;
  }
}
