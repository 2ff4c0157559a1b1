import type { EngineOptions, Network, TensorMap, TrainingState } from '../core/plugin/index.js';
import { EMA_SLOT, flatLayouts, flatten, stateSlots, unflatten } from './flat-layout.js';

/** The flat vectors by name: `weights`, `statistics` where there are any, and the slots. */
export type Vectors = ReadonlyMap<string, Float32Array>;

/** Between the state of a run, tensor by tensor and the same for all engines, and the flat vectors that a session holds. */
export class StateVectors {
  readonly #layouts: ReturnType<typeof flatLayouts>;
  readonly #slots: readonly string[];

  constructor(network: Network, { optimizer, ema = false }: Pick<EngineOptions, 'optimizer' | 'ema'>) {
    this.#layouts = flatLayouts(network);
    this.#slots = stateSlots(optimizer, ema);
  }

  /** Without moments in the state: fresh ones. @throws {RobleError} `ROBLE_MODEL_INVALID` */
  from({ parameters, optimizer }: Pick<TrainingState, 'parameters' | 'optimizer'>): Vectors {
    const { weights, statistics } = this.#layouts;
    const find = (name: string) => parameters[name];
    const vectors = new Map([['weights', flatten(weights, find)]]);
    if (statistics.size > 0) vectors.set('statistics', flatten(statistics, find));
    const isFresh = Object.keys(optimizer).length === 0;
    for (const slot of this.#slots)
      vectors.set(
        slot,
        isFresh
          ? freshSlot(slot, vectors.get('weights')!)
          : flatten(weights, (name) => optimizer[`${slot}/${name}`]),
      );
    return vectors;
  }

  /** Weights and running statistics; the tensors are copies. */
  parameters(vectors: Vectors): TensorMap {
    const { weights, statistics } = this.#layouts;
    return {
      ...unflatten(weights, vectors.get('weights')!),
      ...(statistics.size > 0 && unflatten(statistics, vectors.get('statistics')!)),
    };
  }

  /** The slots, by `slot/layer.part`; the tensors are copies. */
  optimizer(vectors: Vectors): TensorMap {
    const tensors: TensorMap = {};
    for (const slot of this.#slots)
      for (const [name, tensor] of Object.entries(unflatten(this.#layouts.weights, vectors.get(slot)!)))
        tensors[`${slot}/${name}`] = tensor;
    return tensors;
  }
}

/** Moments start at zero, the moving average at the weights. */
function freshSlot(slot: string, weights: Float32Array): Float32Array {
  return slot === EMA_SLOT ? weights.slice() : new Float32Array(weights.length);
}
