import { hash32, Random, randomBytes } from '../base/random.js';
import type { TensorMap } from '../base/storage/safetensors.js';
import { everyLayer, type Network, parametersOf, sizeOf } from './network.js';

/**
 * Where dropout masks are drawn from: `words` halves the words of the Philox generator, as runs that began first do;
 * `cipher` takes the bytes of a cipher that processors compute themselves.
 */
export type MaskSource = 'words' | 'cipher';

/** A dropout layer: how many values of a sample it may drop, and how often. */
export interface DropoutMaskSpec {
  readonly name: string;
  /** Values of one sample. */
  readonly size: number;
  readonly rate: number;
  readonly source: MaskSource;
}

export function dropoutMaskSpecs(network: Network, source: MaskSource = 'cipher'): DropoutMaskSpec[] {
  return [...everyLayer(network.layers)]
    .filter((layer) => layer.type === 'dropout')
    .map((layer) => ({ name: layer.name, size: sizeOf(layer.input), rate: layer.layer.rate, source }));
}

/** Most masks are decided by one byte; of those that are not, bytes for so many are drawn at once. */
const SECOND_BYTES = 1024;

/**
 * Fills the mask of one layer for one step: 1 keeps, 0 drops. A pure function of (seed, step, layer), with the rate
 * rounded to 1/65,536.
 */
export function fillDropoutMask(mask: Uint8Array, spec: DropoutMaskSpec, seed: number, step: number): void {
  if (spec.source === 'words') fillFromWords(mask, spec, seed, step);
  else fillFromCipher(mask, spec, seed, step);
}

function fillFromCipher(mask: Uint8Array, spec: DropoutMaskSpec, seed: number, step: number): void {
  const next = randomBytes(seed, 'dropout', step, hash32(spec.name));
  const threshold = Math.round(spec.rate * 65536);
  const [high, low] = [threshold >>> 8, threshold & 0xff];
  const bytes = next(mask.length);
  // The sign of the difference: 1 above the threshold's upper byte.
  for (let i = 0; i < mask.length; i++) mask[i] = (high - bytes[i]!) >>> 31;
  // A byte that equals it needs another one, which is held against the lower byte.
  let seconds = next(0);
  let used = 0;
  for (let i = bytes.indexOf(high); i !== -1; i = bytes.indexOf(high, i + 1)) {
    if (used === seconds.length) {
      seconds = next(SECOND_BYTES);
      used = 0;
    }
    mask[i] = seconds[used++]! >= low ? 1 : 0;
  }
}

function fillFromWords(mask: Uint8Array, spec: DropoutMaskSpec, seed: number, step: number): void {
  const random = new Random(seed, 'dropout', step, hash32(spec.name));
  const threshold = Math.round(spec.rate * 65536);
  for (let i = 0; i + 1 < mask.length; i += 2) {
    const word = random.uint32();
    mask[i] = (word & 0xffff) >= threshold ? 1 : 0;
    mask[i + 1] = word >>> 16 >= threshold ? 1 : 0;
  }
  if (mask.length % 2 === 1) mask[mask.length - 1] = (random.uint32() & 0xffff) >= threshold ? 1 : 0;
}

/**
 * First values of all parameters, float32. Each tensor's numbers depend on the seed and its own name only, so a layer
 * added elsewhere does not change them.
 */
export function initialParameters(network: Network, seed: number): TensorMap {
  const tensors: TensorMap = {};
  for (const { name, shape, initial } of parametersOf(network)) {
    const data = new Float32Array(sizeOf(shape));
    if ('value' in initial) data.fill(initial.value);
    else {
      const random = new Random(seed, 'initialize', hash32(name));
      for (let i = 0; i < data.length; i++) data[i] = random.uniform(-initial.bound, initial.bound);
    }
    tensors[name] = { shape, data };
  }
  return tensors;
}
