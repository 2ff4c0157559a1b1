import { percent, points, short } from '../history/number-text.js';
import { countOf, formatCount } from '../../base/text.js';
import type { Evaluation } from './evaluation.js';

/** The results that are numbers of all samples, in a sentence. */
export function headline(evaluation: Evaluation): string {
  const { count, right, accuracy, accuracyInterval, topK, foldedAccuracy } = evaluation;
  const [low, high] = accuracyInterval;
  return `${[
    `accuracy ${percent(accuracy)} (${formatCount(right)} of ${countOf(count, 'sample')}; 95 % interval ${percent(low)} to ${percent(high)})`,
    `balanced ${percent(evaluation.balancedAccuracy)}`,
    `macro F1 ${percent(evaluation.macroF1)}`,
    ...topK.map(({ k, accuracy: share }) => `among the first ${k} ${percent(share)}`),
    ...(foldedAccuracy === undefined ? [] : [`look-alikes counted as one ${percent(foldedAccuracy)}`]),
    `loss ${numberText(evaluation.loss, short)}`,
    `Brier score ${numberText(evaluation.brierScore, short)}`,
    `calibration error ${numberText(evaluation.expectedCalibrationError, points)}`,
    `${formatCount(Math.round(evaluation.imagesPerSecond))} images/s`,
  ].join(', ')}.`;
}

/** The same for a row of a table: the model, accuracy, its interval, balanced, F1, each top k, loss, calibration error. */
export function modelCells(evaluation: Evaluation): string[] {
  return [
    evaluation.model,
    percent(evaluation.accuracy),
    evaluation.accuracyInterval.map(percent).join(' to '),
    percent(evaluation.balancedAccuracy),
    percent(evaluation.macroF1),
    ...evaluation.topK.map(({ accuracy }) => percent(accuracy)),
    numberText(evaluation.loss, short),
    numberText(evaluation.expectedCalibrationError, points),
  ];
}

/** A number that is null where it would not be finite. */
function numberText(value: number | null, text: (value: number) => string): string {
  return value === null ? 'not finite' : text(value);
}
