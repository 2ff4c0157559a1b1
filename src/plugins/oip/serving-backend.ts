import type { Predictor, ServableModel, ServingBackend } from '../../core/plugin/index.js';
import { InferenceServer, type OipOptions, oipOptionsSchema, unusable } from './inference-server.js';

/**
 * Lets a server of the Open Inference Protocol v2, such as Triton or KServe, compute. It has to have the model of the
 * bundle, `model.onnx`: the golden images are compared as with every backend.
 */
export const plugin: ServingBackend<OipOptions> = {
  name: 'oip',
  options: oipOptionsSchema,
  async load(model, { options }): Promise<Predictor> {
    const server = new InferenceServer(options);
    const extensions = await server.extensions();
    return new OipPredictor(server, model, options.maxBatch, extensions.includes('binary_tensor_data'));
  },
};

interface InferAnswer {
  readonly outputs?: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly data?: readonly number[];
  }[];
}

class OipPredictor implements Predictor {
  readonly #server: InferenceServer;
  readonly #model: ServableModel;
  readonly #maxBatch: number;
  readonly #takesBytes: boolean;

  constructor(server: InferenceServer, model: ServableModel, maxBatch: number, takesBytes: boolean) {
    this.#server = server;
    this.#model = model;
    this.#maxBatch = maxBatch;
    this.#takesBytes = takesBytes;
  }

  async warmUp(): Promise<void> {
    await this.#server.checkReady();
  }

  async predict(images: Uint8Array, count: number): Promise<Float32Array> {
    const size = images.length / count;
    const classes = this.#model.classes.length;
    const probabilities = new Float32Array(count * classes);
    for (let start = 0; start < count; start += this.#maxBatch) {
      const end = Math.min(start + this.#maxBatch, count);
      const answer = await this.#ask(images.subarray(start * size, end * size), end - start);
      probabilities.set(this.#numbersOf(answer, end - start), start * classes);
    }
    return probabilities;
  }

  checkHealth(): Promise<void> {
    return this.#server.checkReady(0);
  }

  async close(): Promise<void> {}

  #ask(images: Uint8Array, count: number): Promise<InferAnswer> {
    const { height, width, channels } = this.#model.input;
    const tensor = { name: 'images', datatype: 'UINT8', shape: [count, height, width, channels] };
    const outputs = [{ name: 'probabilities' }];
    if (!this.#takesBytes)
      return this.#server.infer(JSON.stringify({ inputs: [{ ...tensor, data: [...images] }], outputs }));
    const parameters = { binary_data_size: images.length };
    const json = Buffer.from(JSON.stringify({ inputs: [{ ...tensor, parameters }], outputs }));
    return this.#server.infer(Buffer.concat([json, images]), json.length);
  }

  #numbersOf({ outputs = [] }: InferAnswer, count: number): readonly number[] {
    const output = outputs.find(({ name }) => name === 'probabilities');
    const wanted = count * this.#model.classes.length;
    if (output?.data?.length === wanted && output.data.every(Number.isFinite)) return output.data;
    throw unusable(
      'The inference server gave no probabilities for all classes.',
      output ? `"probabilities" [${output.shape.join(', ')}]` : outputs.map(({ name }) => name).join(', '),
    );
  }
}
