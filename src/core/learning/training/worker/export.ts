import { join } from 'node:path';
import { optional, spreadIndices } from '../../../base/collections.js';
import { copySomePictures, pictureAt } from '../../../data/dataset/pictures.js';
import {
  type AnswerProfile,
  type MeasuredAnswer,
  measureAnswer,
  profileOf,
} from '../../../model/answer-profile.js';
import { joinHead } from '../../../model/backbone/extractor.js';
import { type BundleContent, GOLDEN_SAMPLES, writeBundle } from '../../../model/bundle.js';
import { encodeModel, readModel } from '../../../model/onnx/format.js';
import { type EpochRecord, RUN_FILES } from '../../history/record.js';
import { reportOn, writeEvaluation } from '../evaluation/report.js';
import { someOf, streamPredictions } from '../evaluation/stream-predictions.js';
import { readExtractor } from '../run/backbone.js';
import { evaluationOptions } from './evaluation.js';
import type { TrainingRun } from './training-run.js';

/**
 * Writes the best weights of the run as a model bundle, with the answers that the training engine gives. The session holds
 * those weights afterwards.
 */
export async function exportBundle(run: TrainingRun, best: EpochRecord): Promise<string> {
  const { request, manifest, session, emit } = run;
  const weights = run.best!;
  await session.importState({ step: best.step, parameters: weights, optimizer: {}, plan: null });
  const bundle = join(request.run, RUN_FILES.model);
  const profile = await profileAnswers(run);
  await writeBundle(bundle, {
    manifest: {
      name: request.name,
      classes: manifest.classes,
      preprocessing: manifest.preprocessing,
      ...optional('backbone', request.backbone),
      architecture: request.layers.map((layer) => ({ ...layer })),
      training: {
        epoch: best.epoch,
        step: best.step,
        metrics: Object.fromEntries(Object.entries(best).filter(([, value]) => Number.isFinite(value))),
        dataFingerprint: manifest.fingerprint,
        engine: request.train.engine,
        ...tunedFrom(request),
        ...optional('plugins', request.plugins && [...request.plugins]),
      },
      ...(profile && { profile }),
    },
    weights,
    onnx: await wholeModel(run),
    golden: await goldenAnswers(run),
  });
  emit({ kind: 'exported', bundle });
  return bundle;
}

/** The backbone whose layers were trained further. */
function tunedFrom({ tuned }: TrainingRun['request']) {
  if (!tuned) return {};
  const { name, sha256, licence } = tuned;
  return { backbone: { name, sha256, ...optional('licence', licence) } };
}

/** The model from pictures to probabilities, in ONNX; with a backbone, its extractor and the head that was trained. */
async function wholeModel({ request, manifest, session }: TrainingRun): Promise<Uint8Array> {
  const trained = await session.exportOnnx({
    name: request.name,
    classes: JSON.stringify(manifest.classes),
  });
  if (!request.backbone) return trained;
  const extractor = await readExtractor(request.run, request.backbone);
  return encodeModel(joinHead(readModel(extractor), readModel(trained)));
}

/** Samples that a profile is made of at most: more say little more, and take as long as they do in an epoch. */
const PROFILE_SAMPLES = 5000;

/** How the answers to pictures of the validation split are distributed; undefined when asked to stop. */
async function profileAnswers(run: TrainingRun): Promise<AnswerProfile | undefined> {
  const { pictures, count } = run.validation;
  const indices = spreadIndices(count, PROFILE_SAMPLES);
  const answers: MeasuredAnswer[] = [];
  const add = ({ index, probabilities }: { index: number; probabilities: Float32Array }) => {
    answers.push(measureAnswer(pictureAt(pictures, indices[index]!), probabilities));
  };
  const isComplete = await streamPredictions(run.session, someOf(run.judged, indices), [{ add }], {
    ...evaluationOptions(run),
    onBatch: () => !run.shouldStop(),
  });
  return isComplete ? profileOf(answers, run.manifest.classes.length) : undefined;
}

/** Images of the validation split with the answers to them. */
async function goldenAnswers({ session, validation, judged }: TrainingRun): Promise<BundleContent['golden']> {
  // Evenly spread: samples may be in the order of their classes.
  const indices = spreadIndices(validation.count, GOLDEN_SAMPLES);
  const count = indices.length;
  const images = copySomePictures(validation.pictures, indices);
  const inputs = someOf(judged, indices).inputs(0, count);
  return { count, images, probabilities: await session.evaluate(inputs, count) };
}

/** Evaluates the best weights, which the session holds, class by class; false when asked to stop meanwhile. */
export async function exportReport(run: TrainingRun, { epoch }: EpochRecord): Promise<boolean> {
  const { request, manifest, session, validation, judged } = run;
  const subject = {
    split: judged,
    provenance: run.provenance(),
    classes: manifest.classes,
    lookAlikes: request.train.twins,
    epoch,
  };
  const report = await reportOn(session, subject, evaluationOptions(run));
  if (!report) return false;
  await writeEvaluation(request.run, report, validation.pictures, manifest.preprocessing);
  return true;
}
