import { percent, points, short } from '../../history/number-text.js';
import { curveOf, metricOf, numberSetting } from '../../history/recorded-run.js';
import type { Detector, StudiedRun, Suggestion } from './finding.js';

/** A fall of the training loss, over the whole run, that is too small to be called learning. */
const LEARNT = 0.05;
/** Training accuracy above this leaves little that the network could not fit. */
const FITTED = 0.95;
/** A gap this small means that the training data are the hard part, not the new data. */
const NO_GAP = 0.03;

/** The training loss does not fall. */
export const notLearning: Detector = ({ run }) => {
  const loss = curveOf(run.epochs, 'loss');
  if (loss.length < 3) return [];
  const [first, last] = [loss[0]!, loss.at(-1)!];
  const lowest = loss.reduce((a, b) => Math.min(a, b[1]), first[1]);
  if (!(first[1] > 0) || lowest < first[1] * (1 - LEARNT)) return [];
  const rate = numberSetting(run, 'train.learningRate');
  return [
    {
      kind: 'not-learning',
      severity: 'problem',
      message: `The network does not learn: the training loss went from ${short(first[1])} to ${short(last[1])} in ${loss.length} epochs.`,
      evidence: {
        epochs: [first[0], last[0]],
        metrics: { firstLoss: first[1], lastLoss: last[1], lowestLoss: lowest },
      },
      suggestions: [
        {
          key: 'train.learningRate',
          change:
            rate === undefined
              ? 'ten times less, then ten times more'
              : `${short(rate / 10)}, then ${short(rate * 10)}; "roble train:find-lr" measures it`,
          why: `a loss that stays within ${percent(LEARNT)} of where it began is what steps that are far too large or far too small look like`,
        },
        {
          key: 'dataset',
          change: 'look at some images with their labels',
          why: 'labels that do not belong to the images look the same',
        },
      ],
    },
  ];
};

/** Fewer epochs say nothing about what the network could fit. */
const EPOCHS_TO_FIT = 5;

/** The network does not even fit the data that it is shown. */
export const underFitting: Detector = (study) => {
  const { run, best } = study;
  const accuracy = metricOf(best, 'accuracy');
  const valAccuracy = metricOf(best, 'valAccuracy');
  // The accuracy on blended pictures says nothing about what is fitted.
  if (accuracy === undefined || valAccuracy === undefined || numberSetting(run, 'train.mixupAlpha'))
    return [];
  const gap = accuracy - valAccuracy;
  if (run.epochs.length < EPOCHS_TO_FIT || accuracy >= FITTED || gap >= NO_GAP) return [];
  return [
    {
      kind: 'under-fitting',
      severity: 'warning',
      message:
        `Under-fitting: at the best epoch (${best!.epoch}) the accuracy is ${percent(accuracy)} on the training data ` +
        `itself, in training mode, and ${percent(valAccuracy)} on the validation data.`,
      evidence: { epochs: [best!.epoch], metrics: { accuracy, valAccuracy, gap } },
      suggestions: [moreCapacity(accuracy, gap), ...lessSmoothing(study)],
    },
  ];
};

function moreCapacity(accuracy: number, gap: number): Suggestion {
  const unfitted = `${percent(1 - accuracy)} of the training images are not fitted`;
  return gap < 0
    ? {
        key: 'model',
        change: 'less dropout, or a larger preset with as much of it',
        why: `${unfitted}, and without dropout, in validation, the network is ${points(-gap)} better: it is held back more than it needs`,
      }
    : {
        key: 'model',
        change: 'a larger preset, or less dropout',
        why: `${unfitted}, and new images are ${gap < 0.01 ? 'no' : 'hardly'} harder: capacity is what is missing, not data`,
      };
}

function lessSmoothing({ run }: StudiedRun): Suggestion[] {
  const smoothing = numberSetting(run, 'train.labelSmoothing');
  if (!smoothing) return [];
  return [
    {
      key: 'train.labelSmoothing',
      change: short(smoothing / 2),
      why: `at ${short(smoothing)} it keeps the network from fitting, and this one does not fit too well`,
    },
  ];
}
