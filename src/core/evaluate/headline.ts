import { percent, points, short } from '../history/number-text.js';
import { countOf, formatCount } from '../text.js';
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
    `loss ${short(evaluation.loss)}`,
    `Brier score ${short(evaluation.brierScore)}`,
    `calibration error ${points(evaluation.expectedCalibrationError)}`,
    `${formatCount(Math.round(evaluation.imagesPerSecond))} images/s`,
  ].join(', ')}.`;
}
