import { join } from 'node:path';
import { spreadIndices } from '../../../base/collections.js';
import { type BundleContent, writeBundle } from '../../../model/bundle.js';
import { type EpochRecord, RUN_FILES } from '../../history/record.js';
import { reportOn, writeEvaluation } from '../evaluation/report.js';
import { evaluationOptions, profileAnswers } from './evaluation.js';
import type { TrainingRun } from './training-run.js';

/** Validation images whose answers are kept in the bundle. */
const GOLDEN_COUNT = 16;

/**
 * Writes the best weights of the run as a model bundle, with the answers that the training engine gives. The session has
 * those weights afterwards.
 */
export async function exportBundle(run: TrainingRun, best: EpochRecord): Promise<string> {
  const { request, manifest, session, validation, emit } = run;
  const weights = run.best!;
  await session.importState({ step: best.step, parameters: weights, optimizer: {}, plan: null });
  const bundle = join(request.run, RUN_FILES.model);
  const profile = await profileAnswers(run);
  await writeBundle(bundle, {
    manifest: {
      name: request.name,
      classes: manifest.classes,
      preprocessing: manifest.preprocessing,
      architecture: request.layers.map((layer) => ({ ...layer })),
      training: {
        epoch: best.epoch,
        step: best.step,
        metrics: Object.fromEntries(Object.entries(best).filter(([, value]) => Number.isFinite(value))),
        dataFingerprint: manifest.fingerprint,
        engine: request.train.engine,
      },
      ...(profile && { profile }),
    },
    weights,
    onnx: await session.exportOnnx({ name: request.name, classes: JSON.stringify(manifest.classes) }),
    golden: await goldenAnswers(run, validation.images.length / validation.count),
  });
  emit({ kind: 'exported', bundle });
  return bundle;
}

/** Images spread over the validation split, so that they are of many classes. */
async function goldenAnswers(
  { session, validation }: TrainingRun,
  imageSize: number,
): Promise<BundleContent['golden']> {
  const count = Math.min(GOLDEN_COUNT, validation.count);
  const images = new Uint8Array(count * imageSize);
  for (const [i, sample] of spreadIndices(validation.count, count).entries()) {
    images.set(validation.images.subarray(sample * imageSize, (sample + 1) * imageSize), i * imageSize);
  }
  return { count, images, probabilities: await session.evaluate(images, count) };
}

/** What the best weights, which the session has, are worth, class by class; false when asked to stop meanwhile. */
export async function exportReport(run: TrainingRun, { epoch }: EpochRecord): Promise<boolean> {
  const { request, manifest, session, validation } = run;
  const subject = {
    split: validation,
    provenance: run.provenance(),
    classes: manifest.classes,
    twins: request.train.twins,
    epoch,
  };
  const report = await reportOn(session, subject, evaluationOptions(run));
  if (!report) return false;
  await writeEvaluation(request.run, report, validation.images, manifest.preprocessing);
  return true;
}
