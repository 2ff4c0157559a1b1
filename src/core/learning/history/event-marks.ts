import { groupBy } from '../../base/group-by.js';
import type { HistoryEvent } from './record.js';
import { curveOf, type RecordedEpoch } from './recorded-run.js';

/** Events that every run has say nothing about this one. */
const ORDINARY: readonly HistoryEvent['event'][] = ['started', 'completed'];

/** All events of one kind, under the letter that marks them in plots. */
export interface EventMark {
  readonly letter: string;
  readonly name: HistoryEvent['event'];
  readonly steps: readonly number[];
  /** What the last of them says. */
  readonly detail?: string;
}

/** The events that are worth a mark, by kind, in the order of their first. */
export function eventMarks(events: readonly HistoryEvent[]): EventMark[] {
  const kinds = groupBy(events, ({ event }) => (ORDINARY.includes(event) ? undefined : event));
  return [...kinds].map(([name, list], i) => {
    const detail = list.at(-1)!.detail;
    return {
      letter: String.fromCodePoint('a'.codePointAt(0)! + i),
      name,
      steps: list.map(({ step }) => step),
      ...(detail !== undefined && { detail }),
    };
  });
}

/** Where a step lies on an axis of epochs: epoch 2 ends at 2, so that half of it is 1.5. */
export function epochOfStep(epochs: readonly RecordedEpoch[], step: number): number {
  const ends: [epoch: number, step: number][] = [[0, 0], ...curveOf(epochs, 'step')];
  const next = ends.findIndex(([, end]) => end >= step);
  if (next === 0 || ends.length === 1) return 0;
  // Beyond the last complete epoch, steps are taken to be as many as in that one.
  const index = next === -1 ? ends.length - 1 : next;
  const [[epochBefore, stepBefore], [epoch, end]] = [ends[index - 1]!, ends[index]!];
  const epochsPerStep = end > stepBefore ? (epoch - epochBefore) / (end - stepBefore) : 0;
  return Math.min(epoch + 1, epochBefore + (step - stepBefore) * epochsPerStep);
}
