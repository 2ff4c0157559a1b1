import { stripVTControlCharacters } from 'node:util';
import type { EndCause, HistoryEvent, HistoryEventName } from '../../core/learning/history/record.js';
import { countOf, formatCount } from '../../core/base/text.js';

/** The whole detail is in the history; a line says what is going on. */
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
  'microbatch-changed': 'batches are split anew',
  'step-skipped': 'step skipped',
  'rolled-back': 'rolled back to a good state',
  'learning-rate-cut': 'learning rate cut',
  'outputs-not-finite': 'outputs on the validation split are not finite',
  'checkpoint-failed': 'a checkpoint could not be saved',
  'checkpoint-passed-over': 'a damaged checkpoint was passed over',
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

/** Text of unknown origin, such as the last words of a process, as a line that cannot move the cursor. */
export function oneLine(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
}

function shorten(text: string): string {
  return text.length > MAX_DETAIL ? `${text.slice(0, MAX_DETAIL - 1)}…` : text;
}
