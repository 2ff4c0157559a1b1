import type { HistoryEventName } from './record.js';

/** Events that follow from the settings and the data, so that they come again when steps are made again. */
export const REPEATED_EVENTS: ReadonlySet<string> = new Set<HistoryEventName>([
  'step-skipped',
  'rolled-back',
  'learning-rate-cut',
  'outputs-not-finite',
]);
