/**
 * What is done with every byte of a picture, in WebAssembly with vectors of 16 bytes: AssemblyScript, which `npm run build`
 * compiles to one module (`scripts/build-wasm.js`).
 *
 * Pictures lie in the memory of the module, rows of `pitch` bytes one after the other. Rows are read and written in steps of 16
 * bytes: what is passed has to be followed by 16 more bytes of memory, and rows that are written without a gap overwrite
 * what went beyond the one before.
 */

export { copyPixels, flatten, flattenGrey, isGrey, lookUp } from './pixels/colours';
export { toGrey } from './pixels/grey';
export { average, resample, transpose } from './pixels/resample';
export { unfilter } from './pixels/unfilter';
