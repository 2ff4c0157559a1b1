import { stripVTControlCharacters } from 'node:util';
import { countOf, formatBytes, formatCount } from '../../core/base/text/text.js';
import type { EndCause, HistoryEvent, HistoryEventName } from '../../core/learning/history/record.js';
import type { TrainEvent } from '../../core/learning/training/run/events.js';
import type { TrainResult } from '../../core/learning/training/run/folder.js';
import { formatDuration, formatMetrics, formatProgress } from '../terminal/format.js';

/** Characters of a detail, which the history has in full. */
const MAX_DETAIL = 200;

const WORDS: Readonly<Record<HistoryEventName, string>> = {
  started: 'training started',
  resumed: 'resumed',
  interrupted: 'interrupted',
  completed: 'training completed',
  'stopped-early': 'stopped early',
  failed: 'training failed',
  'worker-ended': 'the training process ended',
  retried: 'a new training process goes on',
  'out-of-memory': 'out of memory',
  'microbatch-changed': 'batches are split differently',
  'step-skipped': 'step skipped',
  'rolled-back': 'rolled back to a good state',
  'learning-rate-cut': 'learning rate cut',
  'outputs-not-finite': 'outputs on the validation split are not finite',
  'checkpoint-failed': 'a checkpoint could not be saved',
  'checkpoint-passed-over': 'a damaged checkpoint was passed over',
  'weight-decay-chosen': 'weight decay chosen',
  'settings-changed': 'settings changed',
};

const CAUSES: Readonly<Record<EndCause, string>> = {
  error: 'by an error',
  'out-of-memory': 'out of memory',
  'native-crash': 'crash of native code',
  killed: 'killed',
  'heartbeat-lost': 'no sign of life',
  exited: 'exited',
};

/**
 * Something that happened to a run, as one line.
 *
 * @example
 * incidentText({ event: 'worker-ended', time, step: 1204, cause: 'killed', detail: 'signal SIGKILL' });
 * // 'step 1,204: the training process ended (killed): signal SIGKILL'
 */
export function incidentText({ event, step, detail, cause, microbatchSize, samples }: HistoryEvent): string {
  const facts = [
    ...(cause === undefined ? [] : [CAUSES[cause]]),
    ...(microbatchSize === undefined ? [] : [`microbatch ${formatCount(microbatchSize)}`]),
    ...(samples === undefined ? [] : [countOf(samples.length, 'sample')]),
  ];
  return (
    `step ${formatCount(step)}: ${WORDS[event]}` +
    (facts.length > 0 ? ` (${facts.join(', ')})` : '') +
    (detail === undefined ? '' : `: ${shorten(oneLine(detail))}`)
  );
}

/** Text of unknown origin, such as the last output of a process, as one line that cannot move the cursor. */
export function oneLine(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
}

function shorten(text: string): string {
  return text.length > MAX_DETAIL ? `${text.slice(0, MAX_DETAIL - 1)}…` : text;
}

const ENDS = {
  completed: 'Trained',
  'stopped-early': 'Stopped early after',
  interrupted: 'Interrupted after',
} as const;

/** How a training run ended, in lines. */
export function trainResultLines({ stopped, run, epochs, best, bundle }: TrainResult): string[] {
  const percent = (value: number) => `${(value * 100).toFixed(2)} %`;
  return [
    `${ENDS[stopped]} ${epochs} epoch${epochs === 1 ? '' : 's'}: ${run}`,
    ...(best
      ? [
          `Best epoch ${best.epoch}: valAccuracy ${percent(best.valAccuracy)}, balanced ${percent(best.valBalancedAccuracy)}, ` +
            `top-3 ${percent(best.valTop3Accuracy)}, valLoss ${best.valLoss.toFixed(4)}`,
        ]
      : []),
    ...(bundle ? [`Model: ${bundle}`] : []),
    ...(stopped === 'interrupted' ? [`Go on: roble train:resume ${run}`] : []),
  ];
}

type Event<Kind extends TrainEvent['kind']> = Extract<TrainEvent, { kind: Kind }>;

/** One event of a training run as a line of text. */
export function trainLine(event: TrainEvent): string {
  switch (event.kind) {
    case 'started':
      return startedLine(event);
    case 'step':
      return (
        `epoch ${event.epoch}: ${formatProgress(event.step, event.stepsPerEpoch, 'steps')}, ` +
        `${formatMetrics(event.metrics)}, ${formatBytes(event.memoryBytes)}, ETA ${formatDuration(event.etaMs)}`
      );
    case 'evaluating':
      return `epoch ${event.epoch}: evaluating ${formatProgress(event.done, event.total, 'images')}`;
    case 'epoch':
      return epochLine(event);
    case 'checkpoint':
      return (
        `checkpoint at step ${formatCount(event.step)}, training waited ` +
        `${formatCount(Math.round(event.stallMs))} ms: ${event.file}`
      );
    case 'incident':
      return incidentText(event.event);
    case 'stopping':
      return `stopping: ${oneLine(event.reason)}`;
    case 'exported':
      return `exported ${event.bundle}`;
  }
}

function startedLine(event: Event<'started'>): string {
  const { firstStep, history } = event;
  const from =
    firstStep === 0
      ? ''
      : `, going on after step ${formatCount(firstStep)} with ${countOf(history.length, 'complete epoch')}`;
  return (
    `training ${event.model} (${formatCount(event.parameters)} parameters) on ${event.device}: ` +
    `${formatCount(event.trainCount)} images, ${formatCount(event.validationCount)} for validation, ` +
    `${countOf(event.epochs, 'epoch')} of ${countOf(event.stepsPerEpoch, 'step')}, in ${event.run}${from}`
  );
}

/** An epoch's metrics but its number and last step, and the number of skipped steps where there are any. */
function epochLine({
  epoch,
  metrics: { epoch: _, step: __, skippedSteps, ...metrics },
  best,
}: Event<'epoch'>): string {
  const skipped = skippedSteps ? `, ${countOf(skippedSteps, 'skipped step')}` : '';
  return `epoch ${epoch}: ${formatMetrics(metrics)}${skipped}${best ? ' (best so far)' : ''}`;
}
