import { countOf } from '../../../base/text/text.js';
import type { HistoryEvent } from '../../history/record.js';
import { type RecordedRun, settingOf } from '../../history/recorded-run.js';
import type { Detector, Finding } from './finding.js';

/** The events that say how a run ended, unless something follows them. */
const ENDS: readonly HistoryEvent['event'][] = ['completed', 'stopped-early', 'interrupted', 'failed'];

/** The event with which a run ended; undefined while it lives, was killed, or is not of roble. */
export function endOf({ events }: Pick<RecordedRun, 'events'>): HistoryEvent | undefined {
  const last = events.findLast(
    ({ event }) => ENDS.includes(event) || event === 'started' || event === 'resumed',
  );
  return last && ENDS.includes(last.event) ? last : undefined;
}

/** A run that is not finished: its numbers may still change. */
export const unfinished: Detector = ({ run }) => {
  if (run.format !== 'roble') return [];
  const end = endOf(run);
  if (end?.event === 'completed' || end?.event === 'stopped-early') return [];
  const detail = end?.detail === undefined ? '' : ` ${end.detail}`;
  const how =
    end === undefined
      ? 'has no end in its history: it is running, or its process was killed.'
      : end.event === 'failed'
        ? `failed at step ${end.step}.${detail}`
        : `was interrupted at step ${end.step}.${detail}`;
  return [
    {
      kind: 'unfinished',
      severity: end?.event === 'failed' ? 'problem' : 'info',
      message: `The run ${how}${run.epochs.length === 0 ? ' No epoch was completed.' : ''} "roble train:resume" goes on with it.`,
      evidence: { epochs: run.epochs.slice(-1).map(({ epoch }) => epoch), metrics: {} },
      suggestions: [],
    },
  ];
};

/** The training process ended before the training did, and was started again. */
export const processEnds: Detector = ({ run }) => {
  const ends = run.events.filter(({ event }) => event === 'worker-ended');
  if (ends.length === 0) return [];
  const causes = new Map<string, number>();
  for (const { cause = 'exited' } of ends) causes.set(cause, (causes.get(cause) ?? 0) + 1);
  const list = [...causes].map(([cause, count]) => `${cause} (${count})`).join(', ');
  const hung = causes.get('heartbeat-lost') ?? 0;
  const timeout = settingOf(run, 'train.retry.heartbeatTimeoutSeconds');
  const finding: Finding = {
    kind: 'process-ended',
    severity: 'warning',
    message: `The training process ended ${countOf(ends.length, 'time')} before the training did: ${list}.`,
    evidence: { epochs: [], metrics: Object.fromEntries(causes) },
    suggestions:
      hung === 0
        ? []
        : [
            {
              key: 'train.retry.heartbeatTimeoutSeconds',
              change: typeof timeout === 'number' ? String(timeout * 2) : 'a longer time',
              why: `it was taken for hung ${countOf(hung, 'time')}; if single steps take that long, it was not`,
            },
          ],
  };
  return [finding];
};

/** Checkpoints that could not be written, or could not be read back. */
export const checkpointTrouble: Detector = ({ run }) => {
  const failed = run.events.filter(({ event }) => event === 'checkpoint-failed');
  const passedOver = run.events.filter(({ event }) => event === 'checkpoint-passed-over');
  if (failed.length + passedOver.length === 0) return [];
  const detail = failed.at(-1)?.detail ?? passedOver.at(-1)?.detail;
  return [
    {
      kind: 'checkpoints',
      severity: 'warning',
      message:
        `${countOf(failed.length, 'checkpoint')} could not be written and ${passedOver.length} could not be read back.` +
        (detail === undefined ? '' : ` The last one: ${detail}`),
      evidence: { epochs: [], metrics: { failed: failed.length, passedOver: passedOver.length } },
      suggestions: settingOf(run, 'train.checkpointFallback')
        ? []
        : [
            {
              key: 'train.checkpointFallback',
              change: 'a folder on another disk',
              why: 'without one, all steps since the last good checkpoint are lost when the process ends',
            },
          ],
    },
  ];
};
