import { hash32, Random } from '../base/random.js';
import type { TensorMap } from '../base/storage/safetensors.js';
import { everyLayer, type Network, parametersOf, sizeOf } from './network.js';

/** A dropout layer: how many values of a sample it may drop, and how often. */
export interface DropoutMaskSpec {
  readonly name: string;
  /** Values of one sample. */
  readonly size: number;
  readonly rate: number;
}

export function dropoutMaskSpecs(network: Network): DropoutMaskSpec[] {
  return [...everyLayer(network.layers)]
    .filter((layer) => layer.type === 'dropout')
    .map((layer) => ({ name: layer.name, size: sizeOf(layer.input), rate: layer.layer.rate }));
}

/**
 * Fills the mask of one layer for one step: 1 keeps, 0 drops. A pure function of (seed, step, layer). The rate is
 * rounded to 1/65,536, since two masks are cut from each random word.
 */
export function fillDropoutMask(mask: Uint8Array, spec: DropoutMaskSpec, seed: number, step: number): void {
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
