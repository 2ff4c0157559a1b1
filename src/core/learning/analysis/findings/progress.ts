import { percent } from '../../../base/text/text.js';
import { differenceText, isShare, metricText } from '../../history/metrics.js';
import { curveOf, metricOf, numberSetting, settingOf } from '../../history/recorded-run.js';
import { type Detector, recentGain, type StudiedRun, type Suggestion } from './finding.js';
import { overFitting } from './fit.js';

/** A gain that is within the noise of an evaluation: of shares in points, of others relative. */
const PLATEAU = { share: 0.002, relative: 0.005 };
/** A gain that speaks for more epochs. */
const STILL_IMPROVING = { share: 0.005, relative: 0.02 };
/** Below this share of its peak, the learning rate changes the weights no more. */
const SPENT_RATE = 0.02;

/** The monitored metric stopped improving. */
export const plateau: Detector = (study) => {
  const { run, monitor } = study;
  const recent = recentGain(study);
  if (!recent) return [];
  const share = isShare(monitor.metric);
  if ((share ? recent.gain : recent.relativeGain) > (share ? PLATEAU.share : PLATEAU.relative)) return [];
  const value = Math.abs(metricOf(study.best, monitor.metric)!);
  const since = recent.reached(share ? PLATEAU.share : value * PLATEAU.relative);
  const rate = rateAtEnd(study);
  const spent = rate !== undefined && rate <= SPENT_RATE;
  return [
    {
      kind: 'plateau',
      severity: spent ? 'info' : 'warning',
      message:
        `${monitor.metric} is on a plateau since epoch ${since}: in the last ${recent.window} epochs it gained ` +
        `${differenceText(monitor.metric, recent.gain)} over ${metricText(monitor.metric, metricOf(study.best, monitor.metric)!)}.` +
        (spent ? ' The learning rate has run out by then: the run has converged.' : ''),
      evidence: {
        epochs: [since, run.epochs.at(-1)!.epoch],
        metrics: { gain: recent.gain, ...(rate !== undefined && { learningRateShare: rate }) },
      },
      suggestions: plateauSuggestions(study, since, rate, spent),
    },
  ];
};

function plateauSuggestions(
  { run, monitor }: StudiedRun,
  since: number,
  rate: number | undefined,
  spent: boolean,
): Suggestion[] {
  const last = run.epochs.at(-1)!.epoch;
  const suggestions: Suggestion[] = [];
  if (rate !== undefined && !spent)
    suggestions.push({
      key: 'train.schedule',
      change:
        settingOf(run, 'train.schedule.type') === 'constant'
          ? 'type: cosine'
          : 'one that reaches 0 at the last epoch',
      why: `the learning rate is still at ${percent(rate)} of its peak; smaller steps settle where these jump over`,
    });
  if (!numberSetting(run, 'train.earlyStopping.patience') && last - since >= 3)
    suggestions.push({
      key: 'train.earlyStopping.patience',
      change: String(Math.max(3, Math.ceil((last - since) / 2))),
      why: `${last - since} epochs after epoch ${since} brought ${monitor.metric} nothing`,
    });
  return suggestions;
}

/** The learning rate of the last epoch as a share of the highest one; undefined where it is not recorded. */
function rateAtEnd({ run }: StudiedRun): number | undefined {
  const rates = curveOf(run.epochs, 'learningRate').map(([, rate]) => rate);
  const peak = rates.reduce((a, b) => Math.max(a, b), 0);
  return peak > 0 ? rates.at(-1)! / peak : undefined;
}

/** The run ended while the monitored metric was on its way. */
export const stillImproving: Detector = (study) => {
  const { run, monitor } = study;
  const recent = recentGain(study);
  const last = run.epochs.at(-1)?.epoch;
  if (!recent || last === undefined || recent.bestEpoch < last - 1) return [];
  const share = isShare(monitor.metric);
  if (
    (share ? recent.gain : recent.relativeGain) < (share ? STILL_IMPROVING.share : STILL_IMPROVING.relative)
  )
    return [];
  const planned = numberSetting(run, 'train.epochs');
  const unfinished = planned !== undefined && planned > last;
  const more = Math.ceil(last * 1.5);
  return [
    {
      kind: 'still-improving',
      severity: 'info',
      message:
        `${monitor.metric} was still improving: by ${differenceText(monitor.metric, recent.gain)} in the last ` +
        `${recent.window} epochs, and the best epoch is ${recent.bestEpoch} of ${last}.` +
        (unfinished ? ` The run was to have ${planned} epochs.` : ''),
      evidence: { epochs: [recent.bestEpoch], metrics: { gain: recent.gain } },
      // More epochs would only fit the training data closer.
      suggestions:
        unfinished || overFitting(study).length > 0
          ? []
          : [
              {
                key: 'train.epochs',
                change: String(more),
                why: `the last ${recent.window} epochs still brought ${differenceText(monitor.metric, recent.gain)}; ${longerSchedule(study)}`,
              },
            ],
    },
  ];
};

function longerSchedule(study: StudiedRun): string {
  const rate = rateAtEnd(study);
  return rate !== undefined && rate <= SPENT_RATE
    ? 'the schedule, which was at its end, stretches along'
    : 'nothing shows yet where that ends';
}
