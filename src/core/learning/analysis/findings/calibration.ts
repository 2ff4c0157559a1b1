import { percent, points, short } from '../../../base/text/text.js';
import type { EvaluationReport } from '../../history/record.js';
import { numberSetting } from '../../history/recorded-run.js';
import type { Detector, StudiedRun, Suggestion } from './finding.js';

/** From this error on, a confidence of 90 % means something noticeably different. */
const ERROR = 0.05;
/** How many times the error that even a perfect model shows from chance. */
const TIMES_NOISE = 2;

/** The probabilities do not mean what they say. */
export const calibration: Detector = (study) => {
  const evaluation = study.run.evaluation;
  if (!evaluation) return [];
  const error = evaluation.expectedCalibrationError;
  const noise = noiseOf(evaluation);
  if (error < Math.max(ERROR, noise * TIMES_NOISE)) return [];
  const bias = meanConfidence(evaluation) - evaluation.accuracy;
  return [
    {
      kind: 'calibration',
      severity: error >= 2 * ERROR ? 'warning' : 'info',
      message:
        `The probabilities are off by ${points(error)} on average (expected calibration error; ${points(noise)} would be ` +
        `chance): the model is ${percent(meanConfidence(evaluation))} sure and ${percent(evaluation.accuracy)} right.`,
      evidence: { epochs: [evaluation.epoch], metrics: { expectedCalibrationError: error, noise, bias } },
      suggestions: bias > 0 ? lessSure(study, bias) : moreSure(study, -bias),
    },
  ];
};

function lessSure({ run }: StudiedRun, bias: number): Suggestion[] {
  const smoothing = numberSetting(run, 'train.labelSmoothing') ?? 0;
  return [
    {
      key: 'train.labelSmoothing',
      change: short(Math.min(0.2, smoothing + 0.05)),
      why: `it is too sure by ${points(bias)}; smoothed labels reward no certainty beyond theirs`,
    },
  ];
}

function moreSure({ run }: StudiedRun, bias: number): Suggestion[] {
  return ['train.labelSmoothing', 'train.mixupAlpha'].flatMap((key) => {
    const value = numberSetting(run, key);
    if (!value) return [];
    return [
      {
        key,
        change: short(value / 2),
        why: `it is too unsure by ${points(bias)}, and soft labels teach that`,
      },
    ];
  });
}

function meanConfidence({ calibration: bins }: EvaluationReport): number {
  const total = bins.reduce((sum, { count }) => sum + count, 0);
  return bins.reduce((sum, { count, confidence }) => sum + count * confidence, 0) / Math.max(1, total);
}

/**
 * The calibration error that a perfectly calibrated model is expected to have from the size of the sample: in each bin the
 * accuracy is the mean of Bernoulli draws, whose mean absolute deviation is sqrt(2/π) of the standard one.
 */
function noiseOf({ calibration: bins }: EvaluationReport): number {
  const total = bins.reduce((sum, { count }) => sum + count, 0);
  const deviations = bins.map(({ count, confidence }) => {
    const chance = Math.min(1, Math.max(0, confidence));
    return count === 0 ? 0 : (count / total) * Math.sqrt((2 / Math.PI) * ((chance * (1 - chance)) / count));
  });
  return deviations.reduce((sum, deviation) => sum + deviation, 0);
}
