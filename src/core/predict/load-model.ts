import { readPlainFile } from '../base/storage/read-file.js';
import { preprocessImage } from '../image/preprocess.js';
import type { BundleManifest, ModelBundle } from '../model/bundle.js';
import type { Predictor } from '../plugin/contracts.js';
import type { PluginRegistry } from '../plugin/registry.js';
import { openPredictor } from './predictor.js';
import { type Prediction, topPredictionsOfEach } from './top-predictions.js';

/** Images that go through the network at a time: bounds the memory, and more would not be faster. */
const MAX_BATCH = 64;

export interface LoadModelOptions {
  /** Serving backend; by default `onnx`. */
  readonly backend?: string;
  /** Its own options; see `serve.backendOptions`. */
  readonly backendOptions?: Readonly<Record<string, unknown>> | undefined;
  /** By default `cpu`. */
  readonly device?: string;
  /** Threads of the backend; by default 0: it chooses. */
  readonly threads?: number;
  /** Largest picture that is decoded, in pixels. */
  readonly maxPixels?: number;
  /** What messages call that limit; by default `maxPixels`. */
  readonly limitName?: string;
}

/** A model that is ready to answer, in this process. */
export class Model {
  readonly #bundle: ModelBundle;
  readonly #predictor: Predictor;
  readonly #limit: Pick<LoadModelOptions, 'maxPixels' | 'limitName'>;

  constructor(
    bundle: ModelBundle,
    predictor: Predictor,
    limit: Pick<LoadModelOptions, 'maxPixels' | 'limitName'> = {},
  ) {
    this.#bundle = bundle;
    this.#predictor = predictor;
    this.#limit = limit;
  }

  get classes(): readonly string[] {
    return this.#bundle.classes;
  }

  get manifest(): BundleManifest {
    return this.#bundle.manifest;
  }

  /** SHA-256 that names the whole bundle. */
  get digest(): string {
    return this.#bundle.digest;
  }

  /** An encoded picture as the pixels that the model sees: uint8, [height, width, channels]. */
  preprocess(encoded: Uint8Array): Promise<Uint8Array> {
    return preprocessImage(encoded, this.manifest.preprocessing, this.#limit);
  }

  /** The `topK` classes of each image that {@link Model.preprocess} gave. */
  async predictPixels(images: readonly Uint8Array[], topK = 3): Promise<Prediction[][]> {
    const results: Prediction[][] = [];
    for (let start = 0; start < images.length; start += MAX_BATCH) {
      const batch = images.slice(start, start + MAX_BATCH);
      const probabilities = await this.#predictor.predict(Buffer.concat(batch), batch.length);
      results.push(...topPredictionsOfEach(probabilities, this.classes, topK));
    }
    return results;
  }

  /** The `topK` classes of each encoded picture. */
  async predict(encoded: readonly Uint8Array[], topK = 3): Promise<Prediction[][]> {
    return this.predictPixels(await Promise.all(encoded.map((bytes) => this.preprocess(bytes))), topK);
  }

  /** The `topK` classes of an image file. */
  async predictFile(path: string, topK = 3): Promise<Prediction[]> {
    return (await this.predict([await readPlainFile(path)], topK))[0]!;
  }

  close(): Promise<void> {
    return this.#predictor.close();
  }
}

/**
 * Loads a model bundle and checks that it answers as it did when it was made.
 *
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND`, `ROBLE_BUNDLE_INVALID`, `ROBLE_PLUGIN_UNKNOWN`, `ROBLE_DEVICE_UNAVAILABLE`.
 *
 * @example
 * const model = await loadModel('runs/run-0001/model');
 * const [best] = await model.predictFile('picture.png');
 */
export async function loadModel(
  folder: string,
  options: LoadModelOptions,
  { registry }: { registry: PluginRegistry },
): Promise<Model> {
  const { backend = 'onnx', device = 'cpu', threads = 0, backendOptions } = options;
  const { bundle, predictor } = await openPredictor(
    folder,
    { backend, device, threads, options: backendOptions },
    registry,
  );
  return new Model(bundle, predictor, options);
}
