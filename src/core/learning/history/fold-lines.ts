import { z } from 'zod';
import { RobleError } from '../../base/errors.js';
import { asRunHistory, epochSchema, eventSchema } from './history-schema.js';
import type { RunHistory } from './record.js';
import { REPEATED_EVENTS } from './repeated-events.js';

const lineSchema = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('run') }),
  epochSchema.extend({ type: z.literal('epoch') }),
  eventSchema.extend({ type: z.literal('event') }),
  z.looseObject({
    type: z.literal('resumed'),
    epoch: z.int().gte(0),
    step: z.int().gte(0).default(Number.MAX_SAFE_INTEGER),
  }),
]);

/**
 * The history that the lines of `history.jsonl` tell. `resumed` says how many epochs were complete, and at which step:
 * what is after it comes again. So does every epoch from the number of an epoch line on, should that mark be lost. A
 * line that was torn by a crash is passed over.
 *
 * @param passedOver hears the number of each line that cannot be read, the last one excepted: a run that lives, or was
 *   killed, has not ended it yet
 * @throws {RobleError} `ROBLE_HISTORY_INVALID` when no line says which run it is
 */
export function foldLines(text: string, file: string, passedOver: (line: number) => void): RunHistory {
  const lines = text.split('\n');
  let run: Record<string, unknown> | undefined;
  let epochs: z.output<typeof epochSchema>[] = [];
  let events: z.output<typeof eventSchema>[] = [];
  for (const [i, line] of lines.entries()) {
    const entry = parseLine(line);
    if (!entry) {
      if (line.trim() !== '' && i < lines.length - 1) passedOver(i + 1);
      continue;
    }
    const { type, ...record } = entry;
    if (type === 'run') run = record;
    else if (type === 'epoch')
      epochs = [...epochs.filter(({ epoch }) => epoch < entry.epoch), { ...record, epoch: entry.epoch }];
    else if (type === 'event') events.push(record as z.output<typeof eventSchema>);
    else {
      epochs = epochs.filter(({ epoch }) => epoch <= entry.epoch);
      events = events.filter(({ event, step }) => step < entry.step || !REPEATED_EVENTS.has(event));
    }
  }
  if (run) return asRunHistory({ run, epochs, events });
  throw new RobleError('ROBLE_HISTORY_INVALID', `${file} does not say which run it is of.`, {
    expected: 'a line of the type "run"',
  });
}

function parseLine(line: string): z.output<typeof lineSchema> | undefined {
  try {
    return lineSchema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
