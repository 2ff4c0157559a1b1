/**
 * What is done with every byte of a picture, in WebAssembly with vectors of 16 bytes: AssemblyScript, which `npm run build`
 * compiles to one module (`scripts/build-wasm.js`).
 *
 * Pictures lie in the memory of the module, rows of `pitch` bytes one after the other. Rows are read and written in steps of 16
 * bytes: what is passed has to be followed by 16 more bytes of memory, and rows that are written without a gap overwrite
 * what went beyond the one before.
 */

export { PADDING, unstuff } from './jpeg/bits';
export { buildCodes, buildRuns, TABLE_BYTES } from './jpeg/huffman';
export { repeat, toPixels, upsample } from './jpeg/planes';
export { decodeScan, setComponent } from './jpeg/scan';
export { copyPixels, flatten, flattenGrey, isGrey, lookUp } from './pixels/colours';
export { toGrey } from './pixels/grey';
export { average, resample, transpose } from './pixels/resample';
export { unfilter } from './pixels/unfilter';

/** Where the memory begins that is free. */
export const heap: usize = __heap_base;
