import { readdir } from 'node:fs/promises';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { Registry } from 'prom-client';
import { addReader } from './add-reader.js';

/** How often the event loop is looked at, in milliseconds. */
const RESOLUTION_MS = 10;
const NANOSECONDS = 1e9;
const MICROSECONDS = 1e6;

/**
 * Memory, processor time, open files and the lag of the event loop of this process, under the names that all Prometheus
 * clients use. The default metrics of prom-client would do, but they cannot be stopped when the server is closed.
 */
export class ProcessMetrics {
  readonly #lag: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor(client: typeof import('prom-client'), registry: Registry) {
    this.#lag.enable();
    const gauge = addReader.bind(undefined, client, registry, 'gauge');
    const counter = addReader.bind(undefined, client, registry, 'counter');
    counter('process_cpu_seconds_total', 'Processor time, of the user and of the system.', () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / MICROSECONDS;
    });
    gauge('process_resident_memory_bytes', 'Resident memory, without the inference processes.', () =>
      process.memoryUsage.rss(),
    );
    gauge('process_start_time_seconds', 'When the process started, since 1970.', () =>
      Math.round(performance.timeOrigin / 1000),
    );
    gauge('process_open_fds', 'Open files and connections; only on Linux.', async () => {
      const files = await readdir('/proc/self/fd').catch(() => undefined);
      return files?.length;
    });
    gauge(
      'nodejs_heap_size_used_bytes',
      'Memory of JavaScript objects.',
      () => process.memoryUsage().heapUsed,
    );
    gauge(
      'roble_event_loop_lag_seconds',
      'By how much the event loop was late since the last scrape.',
      () => this.#readLag(),
      ['statistic'],
    );
  }

  close(): void {
    this.#lag.disable();
  }

  #readLag() {
    // The timer itself takes its resolution, which is no lag.
    const seconds = (nanoseconds: number) =>
      Math.max(0, (nanoseconds || 0) / NANOSECONDS - RESOLUTION_MS / 1000);
    const read = [
      { labels: { statistic: 'median' }, value: seconds(this.#lag.percentile(50)) },
      { labels: { statistic: 'p99' }, value: seconds(this.#lag.percentile(99)) },
      { labels: { statistic: 'max' }, value: seconds(this.#lag.max) },
    ];
    this.#lag.reset();
    return read;
  }
}
