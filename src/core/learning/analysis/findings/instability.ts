import { mean, median } from '../../../base/statistics.js';
import { countOf, percent, points, short } from '../../../base/text/text.js';
import { epochsText, metricMode } from '../../history/metrics.js';
import type { HistoryEvent } from '../../history/record.js';
import { curveOf, metricNames, metricOf, numberSetting, settingOf } from '../../history/recorded-run.js';
import type { Detector, StudiedRun, Suggestion } from './finding.js';

/**
 * How many times the median of the epochs before it a value must be to count as a spike. The loss of an epoch is a mean
 * over all its steps and falls on the whole; validation with batch normalisation, and gradients, are noisier.
 */
const SPIKES = { loss: 1.5, valLoss: 2, gradientNorm: 3 } as const;
const EPOCHS_BEFORE = 5;
/** Fewer epochs than this before it do not show what is usual. */
const FEWEST_BEFORE = 2;

/** Values far above those of the epochs before. */
export const spikes: Detector = (study) =>
  Object.entries(SPIKES).flatMap(([metric, factor]) => {
    const curve = curveOf(study.run.epochs, metric);
    const found = curve.flatMap(([epoch, value], i) => {
      const usual = median(curve.slice(Math.max(0, i - EPOCHS_BEFORE), i).map((point) => point[1]));
      return i >= FEWEST_BEFORE && usual > 0 && value >= usual * factor ? [{ epoch, value, usual }] : [];
    });
    if (found.length === 0) return [];
    const worst = found.reduce((a, b) => (b.value / b.usual > a.value / a.usual ? b : a));
    const epochs = found.map(({ epoch }) => epoch);
    return [
      {
        kind: 'spike',
        severity: metric === 'loss' ? ('problem' as const) : ('warning' as const),
        message:
          `${metric} jumped in ${epochsText(epochs)}: to ${short(worst.value)} in epoch ${worst.epoch}, ` +
          `${(worst.value / worst.usual).toFixed(1)} times what was usual before.`,
        evidence: { epochs, metrics: { [metric]: worst.value, usual: worst.usual } },
        suggestions: calmerSteps(
          study,
          `${metric} of ${short(worst.value)} after ${short(worst.usual)} is a step that was too large`,
        ),
      },
    ];
  });

/** Changes that make single steps smaller, as far as the settings of the run leave room for them. */
function calmerSteps({ run }: StudiedRun, why: string): Suggestion[] {
  const rate = numberSetting(run, 'train.learningRate');
  const clip = numberSetting(run, 'train.clipNorm');
  return [
    { key: 'train.learningRate', change: rate === undefined ? 'half of it' : short(rate / 2), why },
    ...(clip === 0
      ? [
          {
            key: 'train.clipNorm',
            change: '1',
            why: 'gradients are not clipped, so that one batch can undo many',
          },
        ]
      : []),
  ];
}

/** Losses, accuracies and gradients that were recorded and are no finite numbers. */
export const notFinite: Detector = (study) =>
  metricNames(study.run.epochs).flatMap((metric) => {
    if (metricMode(metric) === undefined && metric !== 'gradientNorm') return [];
    const { run } = study;
    const epochs = run.epochs
      .filter((epoch) => Object.hasOwn(epoch.metrics, metric) && metricOf(epoch, metric) === undefined)
      .map(({ epoch }) => epoch);
    if (epochs.length === 0) return [];
    return [
      {
        kind: 'not-finite',
        severity: 'problem' as const,
        message: `${metric} is not a finite number in ${epochsText(epochs)}.`,
        evidence: { epochs, metrics: {} },
        suggestions: calmerSteps(study, 'weights that grew without bound are the usual reason'),
      },
    ];
  });

/** Share of the run in which the learning rate should still be rising. */
const EARLY = 0.1;

/** Steps that were not applied, and what the run did about them. */
export const skippedSteps: Detector = (study) => {
  const { run } = study;
  const events = (name: HistoryEvent['event']) => run.events.filter(({ event }) => event === name);
  const [skips, rollBacks, cuts] = [
    events('step-skipped'),
    events('rolled-back'),
    events('learning-rate-cut'),
  ];
  const counted = curveOf(run.epochs, 'skippedSteps').filter(([, count]) => count > 0);
  const skipped = Math.max(
    skips.length,
    counted.reduce((sum, [, count]) => sum + count, 0),
  );
  if (skipped + rollBacks.length + cuts.length === 0) return [];
  return [
    {
      kind: 'skipped-steps',
      severity: rollBacks.length > 0 ? 'problem' : 'warning',
      message: [
        `${countOf(skipped, 'step')} ${skipped === 1 ? 'was' : 'were'} not applied, with impossible or wild numbers`,
        ...(rollBacks.length > 0 ? [`the run was rolled back ${countOf(rollBacks.length, 'time')}`] : []),
        ...(cuts.length > 0 ? [`the learning rate was cut ${countOf(cuts.length, 'time')}`] : []),
      ]
        .join('; ')
        .concat('.'),
      evidence: {
        epochs: counted.map(([epoch]) => epoch),
        metrics: { skippedSteps: skipped, rollBacks: rollBacks.length, learningRateCuts: cuts.length },
      },
      suggestions: [...calmerStart(study, skips), ...suspectSamples(skips)],
    },
  ];
};

function calmerStart(study: StudiedRun, skips: readonly HistoryEvent[]): Suggestion[] {
  const { run } = study;
  const lastStep = Math.max(...curveOf(run.epochs, 'step').map(([, step]) => step));
  const early = skips.filter(({ step }) => step <= lastStep * EARLY);
  const canWarmUp = settingOf(run, 'train.schedule.type') !== 'oneCycle';
  if (early.length > skips.length / 2 && canWarmUp && !numberSetting(run, 'train.schedule.warmupEpochs'))
    return [
      {
        key: 'train.schedule.warmupEpochs',
        change: '1',
        why: `${early.length} of ${countOf(skips.length, 'skipped step')} came in the first ${percent(EARLY)} of the run, at the full learning rate`,
      },
    ];
  return calmerSteps(study, 'at this rate, steps had to be thrown away');
}

/** Samples that were in several of the skipped steps are more likely the reason than chance. */
function suspectSamples(skips: readonly HistoryEvent[]): Suggestion[] {
  const counts = new Map<number, number>();
  for (const sample of skips.flatMap(({ samples = [] }) => samples))
    counts.set(sample, (counts.get(sample) ?? 0) + 1);
  const often = [...counts].filter(([, count]) => count > 1).sort((a, b) => b[1] - a[1]);
  if (often.length === 0) return [];
  const [sample, count] = often[0]!;
  return [
    {
      key: 'dataset',
      change: `look at the training images ${often
        .slice(0, 5)
        .map(([index]) => index)
        .join(', ')}`,
      why: `image ${sample} was in ${count} of ${countOf(skips.length, 'skipped step')}`,
    },
  ];
}

/** Mean change of the validation accuracy from epoch to epoch, in the second half, that hides real progress. */
const NOISE = 0.02;

/** The validation accuracy goes up and down more than it goes anywhere. */
export const noisyValidation: Detector = (study) => {
  const curve = curveOf(study.run.epochs, 'valAccuracy');
  const half = curve.slice(Math.floor(curve.length / 2));
  if (half.length < 4) return [];
  const noise = mean(half.slice(1).map(([, value], i) => Math.abs(value - half[i]![1])));
  const way = Math.abs(half.at(-1)![1] - half[0]![1]);
  if (noise < NOISE || way >= (noise * (half.length - 1)) / 2) return [];
  return [
    {
      kind: 'noisy-validation',
      severity: 'warning',
      message:
        `valAccuracy changes by ${points(noise)} from epoch to epoch in the second half of the run; from its first to ` +
        `its last epoch that half brought ${points(way)}.`,
      evidence: { epochs: [half[0]![0], half.at(-1)![0]], metrics: { meanChange: noise, change: way } },
      suggestions: smootherWeights(study, noise),
    },
  ];
};

/** Steps of an epoch from which on the mean over a thousand of them is not one over several epochs. */
const LONG_EPOCH = 500;

function smootherWeights(study: StudiedRun, noise: number): Suggestion[] {
  if (numberSetting(study.run, 'train.emaDecay'))
    return calmerSteps(study, 'smaller steps make neighbouring epochs more alike');
  const steps = metricOf(study.run.epochs[0], 'step') ?? 0;
  return [
    {
      key: 'train.emaDecay',
      change: steps >= LONG_EPOCH ? '0.999' : '0.99',
      why: `the mean of the weights over many steps is free of the ups and downs, here ${points(noise)} an epoch`,
    },
  ];
}
