import type { TensorMap } from '../plugin/contracts.js';
import { hash32, Random } from '../base/random.js';
import { type Network, parametersOf, sizeOf } from './network.js';

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
