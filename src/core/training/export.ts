import { join } from 'node:path';
import { type BundleContent, writeBundle } from '../model/bundle.js';
import type { CheckpointStore } from './checkpoint.js';
import type { EpochRecord } from './history.js';
import type { TrainingSetup } from './setup.js';

/** Validation images whose answers are kept in the bundle. */
const GOLDEN_COUNT = 16;

/** Writes the best weights of the run as a model bundle, with the answers that the training engine gives. */
export async function exportBundle(
  setup: TrainingSetup,
  checkpoints: CheckpointStore,
  best: EpochRecord,
): Promise<string> {
  const { request, manifest, session, validation, emit } = setup;
  const { state } = await checkpoints.readBest();
  await session.importState(state);
  const bundle = join(request.run, 'model');
  await writeBundle(bundle, {
    manifest: {
      name: request.name,
      classes: manifest.classes,
      preprocessing: manifest.preprocessing,
      architecture: request.layers.map((layer) => ({ ...layer })),
      training: {
        epoch: best.epoch,
        step: state.step,
        metrics: { ...best },
        dataFingerprint: manifest.fingerprint,
        engine: request.train.engine,
      },
    },
    onnx: await session.exportOnnx({ name: request.name, classes: JSON.stringify(manifest.classes) }),
    golden: await goldenAnswers(setup, validation.images.length / validation.count),
  });
  emit({ kind: 'exported', bundle });
  return bundle;
}

/** Images spread over the validation split, so that they are of many classes. */
async function goldenAnswers(
  { session, validation }: TrainingSetup,
  imageSize: number,
): Promise<BundleContent['golden']> {
  const count = Math.min(GOLDEN_COUNT, validation.count);
  const images = new Uint8Array(count * imageSize);
  for (let i = 0; i < count; i++) {
    const sample = Math.floor((i * validation.count) / count);
    images.set(validation.images.subarray(sample * imageSize, (sample + 1) * imageSize), i * imageSize);
  }
  return { count, images, probabilities: await session.evaluate(images, count) };
}
