import { join } from 'node:path';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Predictor, ServableModel, ServingBackend, ServingOptions } from '../../core/plugin/index.js';
import { createSession, loadRuntime } from '../../engine-kit/onnx/runtime.js';
import { openDevice } from './device/probe.js';

/** Serves `model.onnx` with ONNX Runtime. A prediction blocks its thread: servers run it in a process of its own. */
export const plugin: ServingBackend = {
  name: 'onnx',
  async load(model: ServableModel, { device: wanted, threads }: ServingOptions): Promise<Predictor> {
    const device = await openDevice(wanted);
    const session = await createSession(join(model.folder, 'model.onnx'), {
      threads,
      device,
    });
    return new OnnxPredictor(session, (await loadRuntime()).Tensor, model);
  },
};

class OnnxPredictor implements Predictor {
  readonly #session: InferenceSession;
  readonly #tensor: typeof Tensor;
  readonly #model: ServableModel;
  #closed: Promise<void> | undefined;

  constructor(session: InferenceSession, tensor: typeof Tensor, model: ServableModel) {
    this.#session = session;
    this.#tensor = tensor;
    this.#model = model;
  }

  async warmUp(): Promise<void> {
    const { height, width, channels } = this.#model.input;
    await this.predict(new Uint8Array(height * width * channels), 1);
  }

  async predict(images: Uint8Array, count: number): Promise<Float32Array> {
    const { height, width, channels } = this.#model.input;
    const outputs = await this.#session.run({
      images: new this.#tensor('uint8', images, [count, height, width, channels]),
    });
    return outputs.probabilities!.data as Float32Array;
  }

  async close(): Promise<void> {
    this.#closed ??= this.#session.release();
    await this.#closed;
  }
}
