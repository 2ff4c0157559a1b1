import type { RobleError } from '../../base/errors.js';
import type { Picture } from '../../data/formats/source.js';
import { toPixels } from '../../data/import-export/to-pixels.js';
import type { Preprocessing } from '../../image/settings.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import type { LoadModelOptions } from '../../predict/load-model.js';
import { openPredictor } from '../../predict/predictor.js';

/** A picture in the form that a model takes. */
export interface PreparedPicture<Prepared> {
  readonly content: Prepared;
  /** What was converted on the way and a person may want to know, such as 16 bits or CMYK. */
  readonly notices: readonly string[];
}

/** A model that is evaluated, wherever it computes. */
export interface Classifier<Prepared = unknown> {
  /** Its folder or address, as it was given. */
  readonly place: string;
  readonly name: string;
  /** SHA-256 that names the whole bundle. */
  readonly digest: string;
  readonly classes: readonly string[];
  /** Whether the classes are in the order of the model, so that an index into them means something. */
  readonly isOrdered: boolean;
  readonly input: Pick<Preprocessing, 'width' | 'height' | 'channels'>;
  /** How it makes pictures into what it sees; a server does not say. */
  readonly preprocessing?: Preprocessing;
  /** The fingerprint of the data set that it was trained on; a server does not say. */
  readonly dataFingerprint?: string;
  /**
   * A picture in the form that {@link predict} takes.
   *
   * @param transpose swap rows and columns first
   * @throws {RobleError} what is wrong with the picture
   */
  prepare(picture: Picture, transpose: boolean): Promise<PreparedPicture<Prepared>>;
  /** The probabilities of each picture, float32 [classes] in the order of {@link classes}, or why it has none. */
  predict(pictures: readonly Prepared[]): Promise<(Float32Array | RobleError)[]>;
  /** What the model sees of each picture: uint8, [height, width, channels]. */
  pixelsOf(pictures: readonly Prepared[]): Promise<Uint8Array[]>;
  close(): Promise<void>;
}

/**
 * The model of a bundle, in this process.
 *
 * @throws {RobleError} as {@link openPredictor}
 */
export async function openBundleClassifier(
  folder: string,
  { backend = 'onnx', backendOptions, device = 'cpu', threads = 0, maxPixels, limitName }: LoadModelOptions,
  registry: PluginRegistry,
): Promise<Classifier<Uint8Array>> {
  const options = { backend, device, threads, options: backendOptions };
  const { bundle, predictor } = await openPredictor(folder, options, registry);
  const { name, classes, preprocessing, training } = bundle.manifest;
  return {
    place: folder,
    name,
    digest: bundle.digest,
    classes,
    input: bundle.input as Classifier['input'],
    preprocessing,
    dataFingerprint: training.dataFingerprint,
    isOrdered: true,
    prepare: async (picture, transpose) => {
      const { pixels, notices } = await toPixels(picture, { preprocessing, maxPixels, limitName, transpose });
      return { content: pixels, notices };
    },
    predict: async (pictures) => {
      const probabilities = await predictor.predict(Buffer.concat(pictures), pictures.length);
      return pictures.map((_, i) => probabilities.subarray(i * classes.length, (i + 1) * classes.length));
    },
    pixelsOf: async (pictures) => [...pictures],
    close: () => predictor.close(),
  };
}
