import { toPixels } from '../../data/import-export/import.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import type { LoadModelOptions } from '../../predict/load-model.js';
import { openPredictor } from '../../predict/predictor.js';
import type { Classifier } from './classifier.js';

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
