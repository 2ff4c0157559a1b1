import { z } from 'zod';
import type { EpochRecord, HistoryEvent, RunHistory } from './record.js';

/** An epoch as it is on the disk: JSON has no NaN, so a metric that was none is null. Newer metrics are let through. */
export const epochSchema = z.looseObject({ epoch: z.int().positive() });

export const eventSchema = z.looseObject({ event: z.string(), time: z.string(), step: z.number() });

/** `history.json`, as strict as reading it needs. */
export const historySchema = z.object({
  format: z.literal('roble-history'),
  version: z.literal(1),
  run: z.record(z.string(), z.unknown()),
  epochs: z.array(epochSchema),
  events: z.array(eventSchema),
});

/** The checked parts as the record that they were written from. */
export function asRunHistory({
  run,
  epochs,
  events,
}: Omit<z.output<typeof historySchema>, 'format' | 'version'>): RunHistory {
  return {
    format: 'roble-history',
    version: 1,
    run,
    epochs: epochs as unknown as EpochRecord[],
    events: events as unknown as HistoryEvent[],
  };
}
