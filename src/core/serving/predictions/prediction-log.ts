import { setTimeout as sleep } from 'node:timers/promises';
import { RobleError } from '../../base/errors.js';
import { countOf } from '../../base/text/text.js';
import type { AnswerListener } from '../models/answered-image.js';
import {
  type Feedback,
  type LoggedModel,
  type LoggedPrediction,
  PredictionIds,
} from './logged-prediction.js';
import { isRefusedValue, PredictionStore } from './prediction-store.js';
import type { PredictionsSettings } from './settings.js';
import type { DatabaseWaits } from './tables.js';

/** How long predictions collect before they are written together; how many at a time, and how many bytes. */
const COLLECT_MS = 100;
const BATCH = 256;
const BATCH_BYTES = 4_194_304;
/** After a failure the next attempt waits, twice as long each time. */
const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5000;
/** To let go of a database that does not answer. */
const CLOSE_MS = 1000;

/** How long a log waits for its database, and at most between two attempts. */
export interface LogWaits extends DatabaseWaits {
  readonly maxBackoffMs: number;
}

export interface PredictionLogOptions {
  /** `postgres://...`, or the path of an SQLite file. */
  readonly url: string;
  /** Memory for what waits to be written. */
  readonly maxQueueBytes: number;
  /** Predictions that are older, and without feedback, are deleted; without it, none. */
  readonly keepDays?: number | undefined;
  /** Whether what the model saw is kept, too; by default not. */
  readonly keepImages?: boolean | undefined;
  /** Waits that differ from the usual ones. */
  readonly waits?: Partial<LogWaits> | undefined;
  /** Called when the database is lost and when it is back, without the URL, which may hold a password. */
  readonly warn: (message: string) => void;
}

/**
 * Writes predictions into a database, off the path of the requests. It can fail no prediction: while the database is away
 * they wait in a queue that is bounded in bytes, and what does not fit is dropped and counted.
 */
export class PredictionLog {
  readonly #store: PredictionStore;
  readonly #queue: PredictionQueue;
  readonly #ids = new PredictionIds();
  readonly #keepImages: boolean;
  readonly #keepDays: number | undefined;
  readonly #maxBackoffMs: number;
  readonly #warn: (message: string) => void;
  #writing: Promise<void> | undefined;
  /** Cuts the current pause short. */
  #hurry = new AbortController();
  readonly #stopped = new AbortController();
  /** Called at the end of the next attempt to write. */
  #waiting: (() => void)[] = [];
  #written = 0;
  #failures = 0;
  #warnedOfDrops = false;
  #lastError: { readonly at: Date; readonly message: string } | undefined;

  constructor(options: PredictionLogOptions) {
    const { url, maxQueueBytes, keepDays, keepImages = false, waits = {}, warn } = options;
    this.#store = new PredictionStore(url, { waits });
    this.#queue = new PredictionQueue(maxQueueBytes);
    this.#keepDays = keepDays;
    this.#keepImages = keepImages;
    this.#maxBackoffMs = waits.maxBackoffMs ?? MAX_BACKOFF_MS;
    this.#warn = warn;
  }

  /** The log of a server, unless its settings say "none". It connects by itself; the database need not be there. */
  static open(
    { url, maxQueueBytes, keepDays, keepImages }: PredictionsSettings,
    warn: (message: string) => void,
    waits?: Partial<LogWaits>,
  ): PredictionLog | undefined {
    if (url === 'none') return undefined;
    const log = new PredictionLog({ url, maxQueueBytes, keepDays, keepImages, waits, warn });
    void log.connect();
    return log;
  }

  readonly onImage: AnswerListener = ({
    model,
    requestId,
    index,
    at,
    predictions,
    source,
    timings,
    pixels,
  }) => {
    const { bundle, label } = model;
    const { name, digest } = label;
    const { preprocessing } = bundle.manifest;
    this.add({
      requestId,
      index,
      at,
      model: { name, digest, classes: bundle.classes, preprocessing },
      predictions,
      source,
      timings,
      pixels,
    });
  };

  /** Keeps a prediction, some time later; its pixels only where pictures are kept. */
  add(prediction: Omit<LoggedPrediction, 'id'>): void {
    const { requestId, index, at, model, predictions, source, timings } = prediction;
    const pixels = this.#keepImages ? prediction.pixels : undefined;
    const id = this.#ids.next(at);
    if (this.#queue.push({ id, requestId, index, at, model, predictions, source, timings, pixels }))
      this.#start();
    else this.#warnOfDrop();
  }

  /**
   * Connects now, so that there is a warning at the start if the database is away, and the first prediction finds its
   * tables. From then on it deletes what is too old.
   */
  async connect(): Promise<void> {
    await this.#store.connect().catch((error: Error) => this.#failed(error));
    if (this.#keepDays !== undefined) void this.#deleteOld(this.#keepDays);
  }

  /**
   * The prediction of an image of a request, also if it was not written yet.
   *
   * @throws {RobleError} `ROBLE_PREDICTION_UNKNOWN`, `ROBLE_PREDICTIONS_UNAVAILABLE`
   */
  async find(requestId: string, index: number): Promise<{ id: string; model: LoggedModel }> {
    while (this.#queue.has(requestId, index)) await this.#attempt();
    const found = await this.#ask(() => this.#store.find(requestId, index));
    if (found) return found;
    throw new RobleError('ROBLE_PREDICTION_UNKNOWN', 'The log has no such prediction.', {
      received: `${requestId}, image ${index}`,
      expected: 'the requestId of an answer, and the place of the image in its request, from 0',
    });
  }

  /**
   * Keeps the feedback on a prediction, in place of an earlier one.
   *
   * @throws {RobleError} `ROBLE_PREDICTIONS_UNAVAILABLE`
   */
  saveFeedback(predictionId: string, feedback: Feedback): Promise<void> {
    return this.#ask(() => this.#store.saveFeedback(predictionId, feedback));
  }

  /** Writes what waits, for at most this long; the rest is dropped. */
  async close(timeoutMs: number): Promise<void> {
    this.#hurry.abort();
    const ended = new AbortController();
    const { signal } = ended;
    await Promise.race([this.#writing, sleep(timeoutMs, undefined, { signal }).catch(() => {})]);
    this.#stopped.abort();
    this.#hurry.abort();
    ended.abort();
    if (this.#queue.length > 0) {
      const count = countOf(this.#queue.length, 'prediction');
      this.#warn(`${count} could not be written to the log before the server ended.`);
      this.#queue.remove(this.#queue.length, true);
    }
    await Promise.race([this.#store.close(), sleep(CLOSE_MS, undefined, { ref: false })]);
  }

  toJSON() {
    return {
      database: this.#store.kind,
      written: this.#written,
      queued: this.#queue.length,
      queuedBytes: this.#queue.bytes,
      dropped: this.#queue.dropped,
      ...(this.#lastError && { lastError: this.#lastError }),
      keepsImages: this.#keepImages,
    };
  }

  #start(): void {
    this.#writing ??= this.#write();
  }

  async #write(): Promise<void> {
    await this.#pause(COLLECT_MS);
    while (this.#queue.length > 0 && !this.#stopped.signal.aborted) {
      await this.#writeBatch(this.#queue.first(BATCH, BATCH_BYTES));
      for (const resolve of this.#waiting.splice(0)) resolve();
      if (this.#failures > 0) await this.#pause(this.#backoffMs());
    }
    // Without a pause since the queue was found empty: what comes next starts another run.
    this.#writing = undefined;
  }

  async #writeBatch(batch: readonly LoggedPrediction[]): Promise<void> {
    try {
      await this.#store.insert(batch);
    } catch (error) {
      if (!isRefusedValue(error)) return this.#failed(error as Error);
      if (batch.length > 1) {
        for (const prediction of batch) {
          await this.#writeBatch([prediction]);
          if (this.#failures > 0) return;
        }
        return;
      }
      this.#note(error);
      return this.#queue.remove(1, true);
    }
    this.#queue.remove(batch.length);
    this.#written += batch.length;
    this.#succeeded();
  }

  #deleteOld(keepDays: number): Promise<void> {
    return deleteOldPredictions({
      store: this.#store,
      keepDays,
      signal: this.#stopped.signal,
      failed: (error) => {
        this.#note(error);
        // There was a warning already if the database is away.
        if (this.#failures === 0)
          this.#warn(
            `Old predictions could not be deleted (${this.#lastError!.message}); it is tried again in an hour.`,
          );
      },
    });
  }

  #failed(error: Error): void {
    // It stopped waiting for the database itself.
    if (this.#stopped.signal.aborted) return;
    this.#note(error);
    if (this.#failures++ === 0)
      this.#warn(
        `The prediction log cannot be written (${this.#lastError!.message}); predictions go on without it.`,
      );
  }

  #note(error: unknown): void {
    const { message, code } = error as NodeJS.ErrnoException;
    // Of several addresses that failed, the whole has no message.
    this.#lastError = { at: new Date(), message: message || code || String(error) };
  }

  #succeeded(): void {
    if (this.#failures > 0) this.#warn('The prediction log is back.');
    this.#failures = 0;
    this.#warnedOfDrops = false;
  }

  #warnOfDrop(): void {
    if (!this.#warnedOfDrops)
      this.#warn('The queue of the prediction log is full; predictions are answered, but not kept.');
    this.#warnedOfDrops = true;
  }

  /** Waits for an attempt to write, which is made at once. */
  async #attempt(): Promise<void> {
    if (this.#failures === 0) {
      const attempted = new Promise<void>((resolve) => this.#waiting.push(resolve));
      this.#hurry.abort();
      await attempted;
    }
    if (this.#failures > 0) throw this.#unavailable();
  }

  async #ask<T>(question: () => Promise<T>): Promise<T> {
    try {
      return await question();
    } catch (error) {
      this.#note(error);
      throw this.#unavailable(error);
    }
  }

  #unavailable(cause?: unknown): RobleError {
    return new RobleError('ROBLE_PREDICTIONS_UNAVAILABLE', 'The prediction log cannot be reached.', {
      nextSteps: ['Try again in a moment.'],
      ...(cause !== undefined && { cause }),
    });
  }

  /** Servers that lost the same database do not all come back to it at once. */
  #backoffMs(): number {
    const longest = Math.min(MIN_BACKOFF_MS * 2 ** (this.#failures - 1), this.#maxBackoffMs);
    return longest * (0.5 + Math.random() / 2);
  }

  async #pause(milliseconds: number): Promise<void> {
    if (this.#hurry.signal.aborted && !this.#stopped.signal.aborted) this.#hurry = new AbortController();
    await sleep(milliseconds, undefined, { signal: this.#hurry.signal, ref: false }).catch(() => {});
  }
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** Rows that one statement deletes: it must not hold up those that write. */
const AT_ONCE = 1000;
const PAUSE_MS = 100;

export interface DeleteOldOptions {
  readonly store: PredictionStore;
  /** Older predictions go, unless they have feedback. */
  readonly keepDays: number;
  readonly signal: AbortSignal;
  /** Told that a deletion was not possible; it is tried again an hour later. */
  readonly failed: (error: Error) => void;
}

/** Deletes old predictions, now and each hour, until the signal. */
async function deleteOldPredictions(options: DeleteOldOptions): Promise<void> {
  const { signal, failed } = options;
  while (!signal.aborted) {
    await deleteOnce(options).catch((error) => {
      if (!signal.aborted) failed(error);
    });
    await sleep(HOUR_MS, undefined, { signal, ref: false }).catch(() => {});
  }
}

async function deleteOnce({ store, keepDays, signal }: DeleteOldOptions): Promise<void> {
  const oldest = new Date(Date.now() - keepDays * DAY_MS);
  while ((await store.deleteWithoutFeedback(oldest, AT_ONCE)) === AT_ONCE)
    await sleep(PAUSE_MS, undefined, { signal, ref: false });
}

/** What an entry takes besides its texts and pixels, and what a character takes. */
const ENTRY_BYTES = 600;
const CHARACTER_BYTES = 2;

interface Entry {
  readonly prediction: LoggedPrediction;
  readonly bytes: number;
}

/** Predictions that wait to be written, bounded in bytes: what does not fit is dropped and counted. */
class PredictionQueue {
  readonly #maxBytes: number;
  #entries: Entry[] = [];
  #bytes = 0;
  #dropped = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get length(): number {
    return this.#entries.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** Whether it had room. */
  push(prediction: LoggedPrediction): boolean {
    const bytes = sizeOf(prediction);
    if (this.#bytes + bytes > this.#maxBytes) {
      this.#dropped++;
      return false;
    }
    this.#entries.push({ prediction, bytes });
    this.#bytes += bytes;
    return true;
  }

  /** The first ones, up to this number and this many bytes, but at least one; they stay until {@link remove}. */
  first(count: number, maxBytes: number): LoggedPrediction[] {
    let bytes = 0;
    const fits = (entry: Entry, i: number) => {
      bytes += entry.bytes;
      return i === 0 || bytes <= maxBytes;
    };
    const candidates = this.#entries.slice(0, count);
    const end = candidates.findIndex((entry, i) => !fits(entry, i));
    return candidates.slice(0, end === -1 ? count : end).map(({ prediction }) => prediction);
  }

  /** Takes the first ones away: they were written, or are given up. */
  remove(count: number, isDropped = false): void {
    for (const { bytes } of this.#entries.splice(0, count)) this.#bytes -= bytes;
    if (isDropped) this.#dropped += count;
  }

  has(requestId: string, index: number): boolean {
    return this.#entries.some(
      ({ prediction }) => prediction.requestId === requestId && prediction.index === index,
    );
  }
}

function sizeOf({ requestId, predictions, pixels }: LoggedPrediction): number {
  const characters = predictions.reduce((sum, { label }) => sum + label.length + 40, requestId.length);
  return ENTRY_BYTES + CHARACTER_BYTES * characters + (pixels?.byteLength ?? 0);
}
