import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../storage/durable.js';

/** The metrics of one epoch, by the names of the field. */
export interface EpochRecord {
  readonly epoch: number;
  /** Updates made since the start of the run. */
  readonly step: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly valLoss: number;
  readonly valAccuracy: number;
  readonly valTop3Accuracy: number;
  readonly valBalancedAccuracy: number;
  /** At the last step of the epoch. */
  readonly learningRate: number;
  /** Mean over the steps, before clipping. */
  readonly gradientNorm: number;
  /** While training, evaluation not counted. */
  readonly imagesPerSecond: number;
  readonly trainSeconds: number;
  readonly evaluationSeconds: number;
}

/** Something that happened to the run. */
export interface HistoryEvent {
  readonly event: 'started' | 'interrupted' | 'completed' | 'failed';
  /** ISO 8601. */
  readonly time: string;
  readonly step: number;
  readonly detail?: string;
}

export interface RunHistory {
  readonly format: 'roble-history';
  readonly version: 1;
  readonly run: Readonly<Record<string, unknown>>;
  readonly epochs: EpochRecord[];
  readonly events: HistoryEvent[];
}

const FILES = { lines: 'history.jsonl', whole: 'history.json' } as const;

/**
 * Keeps the history of a run: each record is appended to `history.jsonl` at once, and `history.json`, the whole, is
 * replaced atomically; a crash loses neither.
 */
export class HistoryWriter {
  readonly #folder: string;
  readonly history: RunHistory;

  constructor(folder: string, run: Readonly<Record<string, unknown>>) {
    this.#folder = folder;
    this.history = { format: 'roble-history', version: 1, run, epochs: [], events: [] };
  }

  async start(): Promise<void> {
    await this.#append({ type: 'run', ...this.history.run });
  }

  async epoch(record: EpochRecord): Promise<void> {
    this.history.epochs.push(record);
    await this.#append({ type: 'epoch', ...record });
  }

  async event(event: HistoryEvent['event'], step: number, detail?: string): Promise<void> {
    const record = { event, time: new Date().toISOString(), step, ...(detail !== undefined && { detail }) };
    this.history.events.push(record);
    await this.#append({ type: 'event', ...record });
  }

  async #append(record: object): Promise<void> {
    await appendFile(join(this.#folder, FILES.lines), `${JSON.stringify(record)}\n`, { flush: true });
    await replaceFile(join(this.#folder, FILES.whole), `${JSON.stringify(this.history, null, 2)}\n`);
  }
}

/** The history of a run folder. */
export async function readHistory(runFolder: string): Promise<RunHistory> {
  return JSON.parse(await readFile(join(runFolder, FILES.whole), 'utf8')) as RunHistory;
}
