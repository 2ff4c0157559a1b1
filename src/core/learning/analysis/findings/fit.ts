import { mean } from '../../../base/statistics.js';
import { percent, points, short } from '../../../base/text/text.js';
import { curveOf, metricOf, numberSetting } from '../../history/recorded-run.js';
import type { Detector, Finding, StudiedRun, Suggestion } from './finding.js';

/** A rise of the validation loss that is more than its noise from epoch to epoch. */
const LOSS_RISE = 0.05;
/** A fall of the validation accuracy that matters: one more image in a hundred. */
const ACCURACY_FALL = 0.01;
/** A gap between training and validation accuracy that more data or regularisation can be expected to narrow. */
const GAP = 0.1;
const WIDE_GAP = 0.2;

/** The validation loss rises while the training loss goes on falling. */
export const overFitting: Detector = (study) => {
  const valLoss = curveOf(study.run.epochs, 'valLoss');
  const loss = new Map(curveOf(study.run.epochs, 'loss'));
  const lowest = valLoss.reduce((a, b) => (b[1] < a[1] ? b : a), valLoss[0] ?? [0, 0]);
  const after = valLoss.filter(([epoch]) => epoch > lowest[0]);
  if (after.length < 2 || lowest[1] <= 0) return [];
  const recent = after.slice(-3);
  const valLossRecent = mean(recent.map(([, value]) => value));
  const lossRecent = mean(recent.flatMap(([epoch]) => loss.get(epoch) ?? []));
  const lossAtLowest = loss.get(lowest[0]);
  const rise = valLossRecent / lowest[1] - 1;
  // Also false where the training loss is not known.
  if (!(rise >= LOSS_RISE && lossAtLowest !== undefined && lossRecent < lossAtLowest)) return [];
  const fall = accuracyFall(study, recent.length);
  return [
    {
      kind: 'over-fitting',
      severity: fall >= ACCURACY_FALL ? 'problem' : 'warning',
      message:
        `Over-fitting since epoch ${lowest[0]}: the validation loss rose by ${percent(rise)}, from ${short(lowest[1])} to ` +
        `${short(valLossRecent)}, while the training loss fell from ${short(lossAtLowest)} to ${short(lossRecent)}. ` +
        accuracySentence(fall),
      evidence: {
        epochs: [lowest[0], after.at(-1)![0]],
        metrics: { lowestValLoss: lowest[1], valLossRecent, lossAtLowest, lossRecent, rise },
      },
      suggestions: regularisation(study, after.length),
    },
  ];
};

/** How far the validation accuracy of the last epochs is below its best; 0 where it is not known. */
function accuracyFall({ run }: StudiedRun, epochs: number): number {
  const values = curveOf(run.epochs, 'valAccuracy').map(([, value]) => value);
  if (values.length === 0) return 0;
  return values.reduce((a, b) => Math.max(a, b)) - mean(values.slice(-epochs));
}

function accuracySentence(fall: number): string {
  return fall >= ACCURACY_FALL
    ? `The validation accuracy is ${points(fall)} below its best.`
    : 'The validation accuracy did not suffer: the model grows too sure of its mistakes.';
}

function regularisation({ run }: StudiedRun, wasted: number): Suggestion[] {
  const suggestions: Suggestion[] = [];
  if (!numberSetting(run, 'train.labelSmoothing'))
    suggestions.push({
      key: 'train.labelSmoothing',
      change: '0.1',
      why: 'targets short of certainty leave nothing to gain from ever larger logits, which is what raises the validation loss',
    });
  if (!numberSetting(run, 'train.mixupAlpha'))
    suggestions.push({
      key: 'train.mixupAlpha',
      change: '0.2',
      why: 'blended pictures cannot be learnt by heart, so that the training loss stops running away',
    });
  if (!numberSetting(run, 'train.earlyStopping.patience'))
    suggestions.push({
      key: 'train.earlyStopping.patience',
      change: String(Math.max(2, Math.ceil(wasted / 3))),
      why: `${wasted} of ${run.epochs.length} epochs came after the lowest validation loss`,
    });
  return suggestions;
}

/** The training data are known far better than the validation data. */
export const generalisationGap: Detector = ({ run, best }) => {
  const accuracy = metricOf(best, 'accuracy');
  const valAccuracy = metricOf(best, 'valAccuracy');
  if (accuracy === undefined || valAccuracy === undefined || accuracy - valAccuracy < GAP) return [];
  const gap = accuracy - valAccuracy;
  const weightDecay = numberSetting(run, 'train.optimizer.weightDecay');
  const finding: Finding = {
    kind: 'generalisation-gap',
    severity: gap >= WIDE_GAP ? 'problem' : 'warning',
    message:
      `At the best epoch (${best!.epoch}) the accuracy is ${percent(accuracy)} on the training data and ` +
      `${percent(valAccuracy)} on the validation data: a gap of ${points(gap)}.`,
    evidence: { epochs: [best!.epoch], metrics: { accuracy, valAccuracy, gap } },
    suggestions: [
      {
        key: 'dataset',
        change: 'more images, or more of the kind that validation has',
        why: `${percent(accuracy)} of the training images are known already; only others can teach what is missing`,
      },
      ...(weightDecay === undefined
        ? []
        : [
            {
              key: 'train.optimizer.weightDecay',
              change: weightDecay === 0 ? '0.01' : short(weightDecay * 5),
              why: `at ${short(weightDecay)} it did not keep the network from fitting what is particular to the training images`,
            },
          ]),
    ],
  };
  return [finding];
};

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
