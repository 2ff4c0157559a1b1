import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../../../base/storage/durable.js';
import type { SampleProvenance } from '../../../data/dataset/format.js';
import { type PackedPictures, pictureAt } from '../../../data/dataset/pictures.js';
import type { Preprocessing } from '../../../image/settings.js';
import type { TrainingSession } from '../../../plugin/contracts.js';
import { type EvaluationReport, RUN_FILES } from '../../history/record.js';
import { groupsOf } from '../../metrics/look-alikes.js';
import { Calibration, ConfusionMatrix, MetricTally } from '../../metrics/metrics.js';
import { ConfidentMistakes, type Mistake, mistakeSheet, SHOWN_MISTAKES } from '../../metrics/mistakes.js';
import { type EvaluationOptions, type EvaluationSamples, streamPredictions } from './stream-predictions.js';

/** What a report is about. */
export interface ReportSubject {
  readonly split: EvaluationSamples;
  /** Where each sample of the split came from, in order. */
  readonly provenance: AsyncIterable<SampleProvenance>;
  readonly classes: readonly string[];
  /** Groups of classes that look alike, checked by `checkLookAlikes`. */
  readonly lookAlikes: readonly (readonly string[])[];
  /** The epoch whose weights the session has. */
  readonly epoch: number;
}

/**
 * Evaluates the current weights class by class. The predictions are looked at once, as they come, so that it takes no
 * more memory than a batch.
 *
 * @returns undefined when `onBatch` said to stop
 */
export async function reportOn(
  session: Pick<TrainingSession, 'evaluate'>,
  subject: ReportSubject,
  options: EvaluationOptions,
): Promise<EvaluationReport | undefined> {
  const { split, provenance, classes, lookAlikes, epoch } = subject;
  const tally = new MetricTally(classes.length);
  const confusion = new ConfusionMatrix(classes.length);
  const calibration = new Calibration();
  const confident = new ConfidentMistakes(SHOWN_MISTAKES);
  const consumers = [tally, confusion, calibration, confident];
  if (!(await streamPredictions(session, split, consumers, options))) return undefined;
  const metrics = tally.metrics();
  return {
    format: 'roble-evaluation',
    version: 2,
    epoch,
    count: split.count,
    classes,
    loss: metrics.valLoss,
    accuracy: metrics.valAccuracy,
    top3Accuracy: metrics.valTop3Accuracy,
    balancedAccuracy: metrics.valBalancedAccuracy,
    ...(lookAlikes.length > 0 && {
      foldedAccuracy: confusion.foldedAccuracy(groupsOf(lookAlikes, classes)),
    }),
    twins: lookAlikes,
    expectedCalibrationError: calibration.expectedError(),
    calibration: calibration.bins(),
    perClass: confusion.perClass(classes),
    confusion: confusion.counts,
    confidentlyWrong: await described(confident.mistakes, classes, provenance),
  };
}

/** The mistakes with the names of their classes and their sources. */
async function described(
  mistakes: readonly Mistake[],
  classes: readonly string[],
  provenance: AsyncIterable<SampleProvenance>,
): Promise<EvaluationReport['confidentlyWrong']> {
  const wanted = new Set(mistakes.map(({ index }) => index));
  const sources = new Map<number, string>();
  let index = 0;
  for await (const { source } of provenance) {
    if (wanted.has(index)) sources.set(index, source);
    index++;
  }
  return mistakes.map(({ index, label, predicted, probability }) => ({
    index,
    // A data set that another program made may say nothing about its samples.
    source: sources.get(index) ?? `validation#${index}`,
    label: classes[label]!,
    predicted: classes[predicted]!,
    probability,
  }));
}

/**
 * Writes `evaluation.json`, and `mistakes.png` with the pictures of `report.confidentlyWrong` in their order, six in a
 * row. Each is replaced as a whole; a model without mistakes leaves no sheet.
 *
 * @param pictures of the split that the report is about
 */
export async function writeEvaluation(
  runFolder: string,
  report: EvaluationReport,
  pictures: PackedPictures,
  shape: Pick<Preprocessing, 'width' | 'height' | 'channels'>,
): Promise<void> {
  await replaceFile(join(runFolder, RUN_FILES.evaluation), `${JSON.stringify(report, null, 2)}\n`);
  const sheet = join(runFolder, RUN_FILES.mistakes);
  if (report.confidentlyWrong.length === 0) return rm(sheet, { force: true });
  const shown = report.confidentlyWrong.map(({ index }) => pictureAt(pictures, index));
  await replaceFile(sheet, await mistakeSheet(shown, shape));
}
