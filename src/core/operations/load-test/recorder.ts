import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { LoadOutcome } from './client.js';

/** Milliseconds. */
export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** The requests that were due within a part of the test. */
export interface LoadInterval {
  /** Its start, in seconds from that of the test. */
  readonly at: number;
  readonly seconds: number;
  readonly sent: number;
  readonly accepted: number;
  readonly refused: number;
  readonly failed: number;
  /** Of what was accepted; null where nothing was. */
  readonly latencyMs: Percentiles | null;
}

/** What was counted and measured. */
export interface LoadCounts {
  readonly sent: number;
  /** With any status. */
  readonly answered: number;
  /** With a status 2xx. */
  readonly accepted: number;
  readonly statuses: Readonly<Record<string, number>>;
  /** Without an answer: the connection was refused or lost, or the time was over. */
  readonly failed: number;
  readonly failures: Readonly<Record<string, number>>;
  /** Due and never sent: too many were outstanding. */
  readonly dropped: number;
  /** Of what was accepted, from when the request was due; null where nothing was. */
  readonly latencyMs: Percentiles | null;
  /** How late the generator itself was with sending; a part of the latencies. */
  readonly lagMs: Percentiles | null;
  readonly intervals: readonly LoadInterval[];
}

/** Microseconds that a histogram tells apart, with three digits. */
const RANGE = { lowest: 1, highest: 600_000_000, figures: 3 };
/** Parts that a test is shown in at most, and the shortest one. */
const MAX_INTERVALS = 60;
const MIN_INTERVAL_SECONDS = 0.5;

interface Interval {
  sent: number;
  accepted: number;
  refused: number;
  failed: number;
  readonly latency: RecordableHistogram;
}

/** Counts the requests of a test as they are sent and as they end. Times are milliseconds from the start of the test. */
export class LoadRecorder {
  readonly #intervalSeconds: number;
  readonly #intervals: Interval[] = [];
  readonly #latency = createHistogram(RANGE);
  readonly #lag = createHistogram(RANGE);
  readonly #statuses: Record<string, number> = {};
  readonly #failures: Record<string, number> = {};
  #dropped = 0;

  constructor(durationSeconds: number) {
    this.#intervalSeconds = Math.max(durationSeconds / MAX_INTERVALS, MIN_INTERVAL_SECONDS);
  }

  sent(dueMs: number, sentMs: number): void {
    this.#intervalAt(dueMs).sent++;
    record(this.#lag, sentMs - dueMs);
  }

  dropped(): void {
    this.#dropped++;
  }

  ended(outcome: LoadOutcome, dueMs: number, endedMs: number): void {
    const interval = this.#intervalAt(dueMs);
    if ('failure' in outcome) {
      interval.failed++;
      this.#failures[outcome.failure] = (this.#failures[outcome.failure] ?? 0) + 1;
      return;
    }
    const { status } = outcome;
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1;
    if (status < 200 || status > 299) interval.refused++;
    else {
      interval.accepted++;
      for (const histogram of [this.#latency, interval.latency]) record(histogram, endedMs - dueMs);
    }
  }

  counts(): LoadCounts {
    const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
    const total = (key: 'sent' | 'accepted' | 'refused' | 'failed') =>
      sum(this.#intervals.map((i) => i[key]));
    return {
      sent: total('sent'),
      answered: total('accepted') + total('refused'),
      accepted: total('accepted'),
      statuses: { ...this.#statuses },
      failed: total('failed'),
      failures: { ...this.#failures },
      dropped: this.#dropped,
      latencyMs: percentiles(this.#latency),
      lagMs: percentiles(this.#lag),
      intervals: this.#intervals.map(({ latency, ...counts }, i) => ({
        at: i * this.#intervalSeconds,
        seconds: this.#intervalSeconds,
        ...counts,
        latencyMs: percentiles(latency),
      })),
    };
  }

  #intervalAt(dueMs: number): Interval {
    const index = Math.floor(dueMs / 1000 / this.#intervalSeconds);
    while (this.#intervals.length <= index)
      this.#intervals.push({ sent: 0, accepted: 0, refused: 0, failed: 0, latency: createHistogram(RANGE) });
    return this.#intervals[index]!;
  }
}

function record(histogram: RecordableHistogram, milliseconds: number): void {
  histogram.record(Math.min(RANGE.highest, Math.max(RANGE.lowest, Math.round(milliseconds * 1000))));
}

function percentiles(histogram: RecordableHistogram): Percentiles | null {
  if (histogram.count === 0) return null;
  const ms = (percentile: number) => histogram.percentile(percentile) / 1000;
  return { p50: ms(50), p90: ms(90), p99: ms(99), p999: ms(99.9), max: histogram.max / 1000 };
}
