import { median } from '../../../base/statistics.js';
import { countOf, percent, short } from '../../../base/text/text.js';
import { curveOf, numberSetting } from '../../history/recorded-run.js';
import type { Detector } from './finding.js';

/** Evaluation that takes more of the time than this is worth a change. */
const EVALUATION_SHARE = 0.25;

export const slowEvaluation: Detector = ({ run }) => {
  const sum = (name: string) => curveOf(run.epochs, name).reduce((total, [, seconds]) => total + seconds, 0);
  const [training, evaluation] = [sum('trainSeconds'), sum('evaluationSeconds')];
  const share = evaluation / (training + evaluation);
  if (!(share > EVALUATION_SHARE)) return [];
  const batch = numberSetting(run, 'train.evaluationBatchSize');
  return [
    {
      kind: 'slow-evaluation',
      severity: 'info',
      message: `Evaluation takes ${percent(share)} of the time: ${short(evaluation)} s, training ${short(training)} s.`,
      evidence: { epochs: [], metrics: { share, trainSeconds: training, evaluationSeconds: evaluation } },
      suggestions: [
        {
          key: 'train.evaluationBatchSize',
          change: batch === undefined ? 'a larger one' : String(batch * 2),
          why: 'larger batches use the processor better, and need no memory for gradients',
        },
        {
          key: 'dataset',
          change: 'a smaller validation split',
          why: `every epoch waits ${short(evaluation / run.epochs.length)} s for it`,
        },
      ],
    },
  ];
};

/** A loss of speed that is more than other work on the machine from time to time. */
const SLOW_DOWN = 0.7;

export const slowDown: Detector = ({ run }) => {
  const speeds = curveOf(run.epochs, 'imagesPerSecond').map(([, speed]) => speed);
  if (speeds.length < 6) return [];
  const third = Math.floor(speeds.length / 3);
  const [first, last] = [median(speeds.slice(0, third)), median(speeds.slice(-third))];
  if (!(last < first * SLOW_DOWN)) return [];
  return [
    {
      kind: 'slow-down',
      severity: 'info',
      message: `Training became slower: from ${short(first)} to ${short(last)} images/s between the first and the last third.`,
      evidence: { epochs: [], metrics: { firstImagesPerSecond: first, lastImagesPerSecond: last } },
      suggestions: [
        {
          key: 'train.threads',
          change: 'one less than there are cores',
          why: 'the work of an epoch does not grow: other programs, or a processor that is too hot, took the time',
        },
      ],
    },
  ];
};

/** The memory was not enough for what was asked for. */
export const memoryShortage: Detector = ({ run }) => {
  const shortages = run.events.filter(
    ({ event, cause }) => event === 'out-of-memory' || cause === 'out-of-memory',
  );
  const sizes = run.events.flatMap(({ microbatchSize }) => microbatchSize ?? []);
  if (shortages.length === 0 && sizes.length === 0) return [];
  const [batch, found] = [numberSetting(run, 'train.batchSize'), sizes.at(-1)];
  return [
    {
      kind: 'memory',
      severity: 'warning',
      message:
        `The memory was too small ${countOf(shortages.length, 'time')}` +
        (found === undefined
          ? '.'
          : `; in the end, ${countOf(found, 'image')} of a batch were in memory at once.`),
      evidence: {
        epochs: [],
        metrics: { shortages: shortages.length, ...(found !== undefined && { microbatchSize: found }) },
      },
      suggestions:
        found === undefined
          ? [
              {
                key: 'train.evaluationBatchSize',
                change: 'half of it',
                why: 'no smaller microbatch was needed for training',
              },
            ]
          : [
              {
                key: 'train.microbatchSize',
                change: String(found),
                why: `that size fitted: the next run begins with it instead of failing first, and the batch stays ${batch ?? 'the same'}`,
              },
            ],
    },
  ];
};
