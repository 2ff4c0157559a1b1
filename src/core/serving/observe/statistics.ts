import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { RequestListener } from '../request/record.js';

/** The status of a request whose client left before its answer. */
const LEFT = 499;

/** What the server counted since it started. */
export class ServerStatistics {
  readonly #started = performance.now();
  readonly #statuses = new Map<number, number>();
  readonly #latency: RecordableHistogram = createHistogram();
  #images = 0;

  readonly onRequest: RequestListener = ({ isPrediction, status, totalMs }) => {
    if (!isPrediction || status === LEFT) return;
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
    this.#latency.record(Math.max(1, Math.round(totalMs * 1000)));
  };

  images(count: number): void {
    this.#images += count;
  }

  toJSON() {
    const ms = (microseconds: number) => microseconds / 1000;
    const { count, mean, max } = this.#latency;
    return {
      uptimeSeconds: (performance.now() - this.#started) / 1000,
      requests: count,
      images: this.#images,
      statuses: Object.fromEntries(this.#statuses),
      latencyMs:
        count === 0
          ? null
          : {
              mean: ms(mean),
              p50: ms(this.#latency.percentile(50)),
              p99: ms(this.#latency.percentile(99)),
              max: ms(max),
            },
    };
  }
}
