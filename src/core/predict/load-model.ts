import { RobleError } from '../base/errors.js';
import { readPlainFile } from '../base/storage/read-file.js';
import { preprocessImage } from '../image/preprocess.js';
import type { BundleManifest, ModelBundle } from '../model/bundle.js';
import { knownClass } from '../model/known-class.js';
import type { Predictor } from '../plugin/contracts.js';
import type { PluginRegistry } from '../plugin/registry.js';
import { DEFAULT_GRID, heatMap, MAX_GRID } from './heat-map.js';
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

export interface ExplainOptions {
  /** The class to explain; by default the most probable one. */
  readonly class?: string;
  /** Rows and columns, 2..16; by default 10. More than the picture has pixels are as many. */
  readonly grid?: number;
}

/** What an answer stands on. */
export interface Explanation {
  readonly class: string;
  /** Of that class, for the whole picture, 0..1. */
  readonly probability: number;
  /** By how much it falls where a place is covered: rows from the top, each from the left, over what the model sees. */
  readonly falls: readonly (readonly number[])[];
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

  /**
   * What the answer for an encoded picture stands on: {@link heatMap} says how. It costs a prediction for each cell.
   *
   * @throws {RobleError} `ROBLE_LABEL_RANGE` for a class that the model does not have, `ROBLE_REQUEST_INVALID` for another grid
   */
  async explain(encoded: Uint8Array, options: ExplainOptions = {}): Promise<Explanation> {
    const { class: name, grid = DEFAULT_GRID } = options;
    if (!Number.isInteger(grid) || grid < 2 || grid > MAX_GRID)
      throw new RobleError('ROBLE_REQUEST_INVALID', 'The grid of an explanation is out of range.', {
        received: grid,
        expected: `a whole number, 2 to ${MAX_GRID}`,
      });
    const classes = this.classes.length;
    const { label, probability, falls } = await heatMap(await this.preprocess(encoded), {
      shape: this.manifest.preprocessing,
      label: name === undefined ? undefined : knownClass(name, this.classes).index,
      grid,
      batchSize: MAX_BATCH,
      predict: async (pictures) => {
        const all = await this.#predictor.predict(Buffer.concat(pictures), pictures.length);
        return pictures.map((_, i) => all.subarray(i * classes, (i + 1) * classes));
      },
    });
    return { class: this.classes[label]!, probability, falls };
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
