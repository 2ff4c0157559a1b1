import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Vectors } from '../../engine-kit/flat-layout.js';
import { GraphBuilder } from '../../engine-kit/onnx/graph.js';
import {
  createSession,
  discard,
  loadRuntime,
  type OnnxDevice,
  runSession,
  type Tensors,
} from '../../engine-kit/onnx/runtime.js';
import { noState } from '../../engine-kit/step-rules.js';
import { nextOf } from './update-graph.js';

/**
 * The flat vectors of a training state as tensors: after a step those that the step left on the device, so that nothing
 * of the state crosses over from step to step.
 */
export class DeviceState {
  readonly #device: OnnxDevice;
  #tensors: Tensors = {};
  /**
   * Copies a vector off the device: tensors there cannot be read in another way. It is made first and released last,
   * since the device itself goes with the last session on it.
   */
  #reader: InferenceSession | undefined;
  /** What is moved to a closed port is gone at once. */
  readonly #nowhere: MessagePort;

  constructor(device: OnnxDevice) {
    this.#device = device;
    const { port1 } = new MessageChannel();
    port1.close();
    this.#nowhere = port1;
  }

  get tensors(): Tensors {
    return this.#tensors;
  }

  async write(vectors: Vectors): Promise<void> {
    const { Tensor } = await loadRuntime();
    if (this.#device.provider === 'webgpu')
      this.#reader ??= await createSession(identityGraph(), { threads: 1, device: this.#device });
    this.discard();
    this.#tensors = Object.fromEntries(
      [...vectors].map(([name, data]) => [name, new Tensor('float32', data, [data.length])]),
    );
  }

  /** Puts the outputs of a step in the place of the vectors that it started from. */
  advance(outputs: Tensors): void {
    const names = Object.keys(this.#tensors);
    this.discard();
    this.#tensors = Object.fromEntries(names.map((name) => [name, outputs[nextOf(name)]!]));
  }

  /** @throws {RobleError} `ROBLE_INTERNAL` before the first {@link write}. */
  async read(): Promise<Vectors> {
    const entries = Object.entries(this.#tensors);
    if (entries.length === 0) throw noState();
    const vectors = new Map<string, Float32Array>();
    for (const [name, tensor] of entries) vectors.set(name, await this.#readOne(tensor));
    return vectors;
  }

  /** Brings the vectors back from the device: a tensor there is gone with the session that made it. */
  async leaveDevice(): Promise<void> {
    if (Object.values(this.#tensors).some(({ location }) => location !== 'cpu'))
      await this.write(await this.read());
  }

  /**
   * Gives back the memory of the vectors: on a device before the sessions that made them are released, and on the CPU
   * without the garbage collector, which would go through the whole heap every few steps for their sake.
   */
  discard(): void {
    discard(this.#tensors);
    const onCpu = Object.values(this.#tensors).filter(({ location }) => location === 'cpu');
    this.#nowhere.postMessage(
      undefined,
      onCpu.map(({ data }) => (data as Float32Array).buffer as ArrayBuffer),
    );
    this.#tensors = {};
  }

  async release(): Promise<void> {
    await this.#reader?.release();
  }

  async #readOne(vector: Tensor): Promise<Float32Array> {
    if (vector.location === 'cpu') return vector.data as Float32Array;
    const { copy } = await runSession(this.#reader!, { vector });
    return copy!.data as Float32Array;
  }
}

function identityGraph(): Uint8Array {
  const graph = new GraphBuilder();
  graph.output(graph.input('vector', 'float32', ['N']), 'copy', 'float32', ['N']);
  return graph.encode();
}
