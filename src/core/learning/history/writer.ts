import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RobleError } from '../../base/errors.js';
import { replaceFile } from '../../base/storage/durable.js';
import { csvField } from '../../base/text/text.js';
import { readHistoryIfAny } from './read-run.js';
import {
  type EpochRecord,
  type HistoryEvent,
  REPEATED_EVENTS,
  RUN_FILES,
  type RunHistory,
} from './record.js';
import { encodeScalarEvents } from './tensorboard.js';

/**
 * Keeps the history of a run: `history.json`, the whole, is replaced atomically at each record, and then the record is
 * appended to `history.jsonl`. A crash loses neither. A disk that takes no bytes ends nothing: the records stay in
 * memory and go out with the next one that can be written.
 */
export class HistoryWriter {
  readonly #folder: string;
  readonly #warn: (message: string) => void;
  #history: RunHistory;
  readonly #pending: object[] = [];
  /** Whether the file of lines may end in the middle of one: after a crash, or on a full disk. */
  #torn: boolean;
  #last: Promise<void> = Promise.resolve();

  private constructor(folder: string, history: RunHistory, torn: boolean, warn: (message: string) => void) {
    this.#folder = folder;
    this.#history = history;
    this.#torn = torn;
    this.#warn = warn;
  }

  /** The history that the run has already, or an empty one. */
  static async open(folder: string, warn: (message: string) => void): Promise<HistoryWriter> {
    const known = await readHistoryIfAny(folder);
    const history = known ?? { format: 'roble-history', version: 1, run: {}, epochs: [], events: [] };
    return new HistoryWriter(folder, history, known !== undefined, warn);
  }

  get history(): RunHistory {
    return this.#history;
  }

  /** What the run is asked to do from now on. */
  async describe(run: Readonly<Record<string, unknown>>): Promise<void> {
    this.#history = { ...this.#history, run };
    await this.#write({ type: 'run', ...run });
  }

  /** The run goes on after `step`, with these epochs complete: what came later comes again, and is dropped here. */
  async goOnAfter(step: number, epochs: readonly EpochRecord[]): Promise<void> {
    const { history } = this;
    history.epochs.splice(0, history.epochs.length, ...epochs);
    const kept = history.events.filter((event) => event.step < step || !REPEATED_EVENTS.has(event.event));
    history.events.splice(0, history.events.length, ...kept);
    await this.#write({ type: 'resumed', step, epoch: epochs.length });
  }

  async epoch(record: EpochRecord): Promise<void> {
    this.#history.epochs.push(record);
    await this.#write({ type: 'epoch', ...record });
    await this.#writeForOthers();
  }

  async event(event: Omit<HistoryEvent, 'time'>): Promise<HistoryEvent> {
    const record = { ...event, time: new Date().toISOString() };
    this.#history.events.push(record);
    await this.#write({ type: 'event', ...record });
    return record;
  }

  /** The epochs as a table, and for TensorBoard. */
  async #writeForOthers(): Promise<void> {
    try {
      await replaceFile(join(this.#folder, RUN_FILES.table), historyTable(this.#history));
      await replaceFile(join(this.#folder, RUN_FILES.events), encodeScalarEvents(this.#history));
    } catch (error) {
      this.#warn(
        `${RUN_FILES.table} or ${RUN_FILES.events} could not be written: ${RobleError.from(error).message}`,
      );
    }
  }

  /** One write at a time, in the order of the records. */
  #write(record: object): Promise<void> {
    this.#pending.push(record);
    this.#last = this.#last.then(() => this.#flush());
    return this.#last;
  }

  async #flush(): Promise<void> {
    const records = [...this.#pending];
    if (records.length === 0) return;
    try {
      await replaceFile(join(this.#folder, RUN_FILES.history), `${JSON.stringify(this.#history, null, 2)}\n`);
      const lines = records.map((record) => `${JSON.stringify(record)}\n`).join('');
      const separator = this.#torn ? '\n' : '';
      this.#torn = true;
      await appendFile(join(this.#folder, RUN_FILES.lines), separator + lines, { flush: true });
      this.#torn = false;
      this.#pending.splice(0, records.length);
    } catch (error) {
      this.#warn(
        `The history could not be written, and is kept in memory: ${RobleError.from(error).message}`,
      );
    }
  }
}

/**
 * `history.csv`: a header, then a line for each epoch. The columns are all fields that some epoch has; a field that an
 * epoch has not is empty.
 */
export function historyTable({ epochs }: RunHistory): string {
  const rows = epochs.map((epoch) => ({ ...epoch }) as Readonly<Record<string, unknown>>);
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = [
    columns,
    ...rows.map((row) =>
      columns.map((column) => (Object.hasOwn(row, column) ? String(row[column] ?? '') : '')),
    ),
  ];
  return lines.map((cells) => `${cells.map(csvField).join(',')}\n`).join('');
}
