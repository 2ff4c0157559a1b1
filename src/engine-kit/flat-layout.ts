import {
  type EngineOptions,
  type Network,
  type OptimizerSpec,
  type ParameterSpec,
  parametersOf,
  RobleError,
  sizeOf,
  type TensorMap,
  type TrainingState,
} from '../core/plugin/index.js';

/** Where each tensor lies in its flat vector. */
export interface FlatLayout {
  readonly parameters: readonly ParameterSpec[];
  readonly size: number;
}

/** The trainable parameters and the running statistics, each as one flat vector: one update instead of one each. */
export function flatLayouts(network: Network): { weights: FlatLayout; statistics: FlatLayout } {
  const layout = (parameters: ParameterSpec[]): FlatLayout => ({
    parameters,
    size: parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
  });
  const all = parametersOf(network);
  return {
    weights: layout(all.filter((p) => p.trainable)),
    statistics: layout(all.filter((p) => !p.trainable)),
  };
}

/** The slot of the moving average of the weights. */
export const EMA_SLOT = 'ema';

/** Names of the flat vectors that go with the weights: the moments of the optimizer, and the moving average. */
function stateSlots(optimizer: OptimizerSpec, ema: boolean): string[] {
  const moments =
    optimizer.type === 'adamw' ? ['firstMoment', 'secondMoment'] : optimizer.momentum > 0 ? ['momentum'] : [];
  return ema ? [...moments, EMA_SLOT] : moments;
}

/** Names of all flat vectors of a training state. */
export function vectorNames(network: Network, optimizer: OptimizerSpec, ema: boolean): string[] {
  const hasStatistics = flatLayouts(network).statistics.size > 0;
  return ['weights', ...(hasStatistics ? ['statistics'] : []), ...stateSlots(optimizer, ema)];
}

/** A flat vector with a value for each parameter. */
export function flatFill(layout: FlatLayout, valueFor: (parameter: ParameterSpec) => number): Float32Array {
  const flat = new Float32Array(layout.size);
  let offset = 0;
  for (const parameter of layout.parameters) {
    const size = sizeOf(parameter.shape);
    flat.fill(valueFor(parameter), offset, offset + size);
    offset += size;
  }
  return flat;
}

/** @throws {RobleError} `ROBLE_MODEL_INVALID` naming the tensor that is missing or of another size. */
function flatten(layout: FlatLayout, find: (name: string) => TensorMap[string] | undefined): Float32Array {
  const flat = new Float32Array(layout.size);
  let offset = 0;
  for (const { name, shape } of layout.parameters) {
    const tensor = find(name);
    if (!tensor || tensor.data.length !== sizeOf(shape))
      throw new RobleError('ROBLE_MODEL_INVALID', `The state does not fit the model at "${name}".`, {
        received: tensor ? `[${tensor.shape.join(', ')}]` : 'nothing',
        expected: `[${shape.join(', ')}]`,
      });
    flat.set(tensor.data, offset);
    offset += tensor.data.length;
  }
  return flat;
}

/** The inverse of {@link flatten}; the tensors are copies. */
function unflatten(layout: FlatLayout, flat: Float32Array): TensorMap {
  const tensors: TensorMap = {};
  let offset = 0;
  for (const { name, shape } of layout.parameters) {
    const size = sizeOf(shape);
    tensors[name] = { shape, data: flat.slice(offset, offset + size) };
    offset += size;
  }
  return tensors;
}

/** The layer that a parameter belongs to. */
export function layerOf(parameter: string): string {
  return parameter.slice(0, parameter.lastIndexOf('.'));
}

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
