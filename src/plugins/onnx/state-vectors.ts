import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { RobleError } from '../../core/plugin/index.js';
import type { OnnxDevice } from './device/device.js';
import { GraphBuilder } from './graph/builder.js';
import { createSession, discard, loadRuntime, runSession, type Tensors } from './runtime.js';

/** The name of the output that takes the place of a vector. */
export const nextOf = (name: string): string => `next:${name}`;

/**
 * The flat vectors of a training state, by name: float32 tensors, after a step those that the step left on the device,
 * so that from step to step nothing of the state crosses over.
 */
export class StateVectors {
  readonly #device: OnnxDevice;
  readonly #tensors = new Map<string, Tensor>();
  /** Copies a vector off the device: tensors there cannot be read in another way. */
  #reader: InferenceSession | undefined;

  constructor(device: OnnxDevice) {
    this.#device = device;
  }

  get tensors(): Tensors {
    return Object.fromEntries(this.#tensors);
  }

  async set(vectors: ReadonlyMap<string, Float32Array>): Promise<void> {
    const { Tensor } = await loadRuntime();
    discard(this.tensors);
    for (const [name, data] of vectors) this.#tensors.set(name, new Tensor('float32', data, [data.length]));
  }

  /** Puts the outputs of a step in the place of the vectors that it started from. */
  advance(outputs: Tensors): void {
    discard(this.tensors);
    for (const name of this.#tensors.keys()) this.#tensors.set(name, outputs[nextOf(name)]!);
  }

  async read(name: string): Promise<Float32Array> {
    const vector = this.#tensors.get(name);
    if (!vector)
      throw new RobleError(
        'ROBLE_INTERNAL',
        'The training session has no state yet: call importState first.',
      );
    if (vector.location === 'cpu') return vector.data as Float32Array;
    this.#reader ??= await createSession(identityGraph(), { threads: 1, device: this.#device });
    const { copy } = await runSession(this.#reader, { vector });
    return copy!.data as Float32Array;
  }

  async release(): Promise<void> {
    discard(this.tensors);
    this.#tensors.clear();
    await this.#reader?.release();
  }
}

function identityGraph(): Uint8Array {
  const graph = new GraphBuilder();
  graph.output(graph.input('vector', 'float32', ['N']), 'copy', 'float32', ['N']);
  return graph.encode();
}
