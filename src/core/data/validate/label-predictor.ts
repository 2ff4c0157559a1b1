import { formProblems } from '../dataset/same-form.js';
import { type Problem, RobleError } from '../../base/errors.js';
import type { PluginRegistry } from '../../plugin/registry.js';
import { openPredictor } from '../../predict/predictor.js';
import type { Subject } from './subject.js';

/** A classifier that judges labels. */
export interface LabelPredictor {
  /** The fingerprint of the data set that it was trained on, where that is known. */
  readonly dataFingerprint?: string;
  /**
   * @param images uint8, [count, height, width, channels]
   * @returns float32, [count, classes], in the order of the data set's classes
   */
  predict(images: Uint8Array, count: number): Promise<Float32Array>;
}

export interface OpenedLabelPredictor extends LabelPredictor {
  close(): Promise<void>;
}

/**
 * The model of a bundle as a judge of labels, on the CPU.
 *
 * @throws {RobleError} `ROBLE_DATASETS_DIFFER` when it knows other classes, or other pictures, than the data set has;
 *   and what {@link openPredictor} throws
 */
export async function openLabelPredictor(
  folder: string,
  { manifest }: Pick<Subject, 'manifest'>,
  registry: PluginRegistry,
): Promise<OpenedLabelPredictor> {
  const options = { backend: 'onnx', device: 'cpu', threads: 0 };
  const { bundle, predictor } = await openPredictor(folder, options, registry);
  const problems = formProblems(manifest, bundle.manifest).map(
    (message): Problem => ({ path: folder, message }),
  );
  if (problems.length > 0) {
    await predictor.close();
    throw new RobleError('ROBLE_DATASETS_DIFFER', 'The model cannot judge the labels of this data set.', {
      expected: `the classes, their order and the preprocessing of "${manifest.name}"`,
      problems,
      nextSteps: ['Name a model that was trained on these classes and pictures.'],
    });
  }
  return {
    dataFingerprint: bundle.manifest.training.dataFingerprint,
    // A copy: ONNX Runtime refuses memory that threads share, and splits are loaded into such.
    predict: (images, count) => predictor.predict(images.slice(), count),
    close: () => predictor.close(),
  };
}
