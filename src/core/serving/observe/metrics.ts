import { readdir } from 'node:fs/promises';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { Counter, Histogram, Registry } from 'prom-client';
import type { InferenceObserver } from '../inference/pool.js';
import type { AnswerListener } from '../models/answered-image.js';
import type { RequestListener } from '../request/record.js';
import { addReader, addStateMetrics, modelLabels, type ServerState } from './state-metrics.js';

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const BATCH_SIZES = [1, 2, 4, 8, 16, 32, 64];
/** The route of requests for what the server does not have: their paths would make a time series each. */
const NO_ROUTE = 'none';

/** The metrics of one server, in a registry of its own: what happens is counted, what is the case is read when asked. */
export class ServerMetrics {
  readonly #registry: Registry;
  #process: ProcessMetrics | undefined;
  readonly #requests: Counter<'route' | 'status'>;
  readonly #requestSeconds: Histogram<'route'>;
  readonly #refused: Counter<'code'>;
  readonly #refusedImages: Counter<'code'>;
  readonly #images: Counter<'model' | 'version' | 'digest' | 'source'>;
  readonly #imageSeconds: Histogram;
  readonly #stages: Record<'decode' | 'queue' | 'infer', Histogram.Internal<'stage'>>;
  readonly #batchSizes: Histogram;
  readonly #restarts: Counter;

  private constructor(client: typeof import('prom-client')) {
    const registers = [new client.Registry()];
    const [registry] = registers;
    this.#registry = registry!;
    this.#requests = new client.Counter({
      name: 'roble_requests_total',
      help: 'Requests that were answered, by route and status; 499: the client left.',
      labelNames: ['route', 'status'],
      registers,
    });
    this.#requestSeconds = new client.Histogram({
      name: 'roble_request_duration_seconds',
      help: 'From the head of a request to the end of its answer.',
      labelNames: ['route'],
      buckets: SECONDS,
      registers,
    });
    this.#refused = new client.Counter({
      name: 'roble_requests_refused_total',
      help: 'Requests that were answered with an error, by its code.',
      labelNames: ['code'],
      registers,
    });
    this.#refusedImages = new client.Counter({
      name: 'roble_batch_images_refused_total',
      help: 'Images at fault in batches whose other images were answered, by the code of the error.',
      labelNames: ['code'],
      registers,
    });
    this.#images = new client.Counter({
      name: 'roble_images_total',
      help: 'Images that were answered, by model and where the answer came from.',
      labelNames: ['model', 'version', 'digest', 'source'],
      registers,
    });
    this.#imageSeconds = new client.Histogram({
      name: 'roble_image_duration_seconds',
      help: 'From the start of decoding an image to its answer.',
      buckets: SECONDS,
      registers,
    });
    const stages = new client.Histogram({
      name: 'roble_image_stage_duration_seconds',
      help: 'Of an image in each stage: decode, queue, infer; the last two of images that the model computed.',
      labelNames: ['stage'],
      buckets: SECONDS,
      registers,
    });
    this.#stages = {
      decode: stages.labels('decode'),
      queue: stages.labels('queue'),
      infer: stages.labels('infer'),
    };
    this.#batchSizes = new client.Histogram({
      name: 'roble_batch_size_images',
      help: 'Images that the model got together.',
      buckets: BATCH_SIZES,
      registers,
    });
    this.#restarts = new client.Counter({
      name: 'roble_worker_restarts_total',
      help: 'Inference processes that were started again because one died.',
      registers,
    });
  }

  static async open(): Promise<ServerMetrics> {
    return new ServerMetrics((await import('prom-client')).default);
  }

  readonly inference: InferenceObserver = {
    batch: (images) => this.#batchSizes.observe(images),
    restart: () => this.#restarts.inc(),
  };

  readonly onRequest: RequestListener = ({ route = NO_ROUTE, status, totalMs, problem, refusedImages }) => {
    this.#requests.inc({ route, status });
    this.#requestSeconds.observe({ route }, totalMs / 1000);
    if (problem) this.#refused.inc({ code: problem });
    for (const code of refusedImages) this.#refusedImages.inc({ code });
  };

  readonly onImage: AnswerListener = ({ model, source, timings }) => {
    this.#images.inc({ ...modelLabels(model), source });
    this.#imageSeconds.observe(timings.totalMs / 1000);
    this.#stages.decode.observe(timings.decodeMs / 1000);
    if (source !== 'model') return;
    this.#stages.queue.observe(timings.queueMs / 1000);
    this.#stages.infer.observe(timings.inferenceMs / 1000);
  };

  /** From now on, until it is closed, the state of the server and its process is read with each scrape. */
  async watch(state: ServerState): Promise<void> {
    const { default: client } = await import('prom-client');
    addStateMetrics(client, this.#registry, state);
    this.#process = new ProcessMetrics(client, this.#registry);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All metrics in the text format of Prometheus. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  close(): void {
    this.#process?.close();
  }
}

/** How often the event loop is looked at, in milliseconds. */
const RESOLUTION_MS = 10;
const NANOSECONDS = 1e9;
const MICROSECONDS = 1e6;

/**
 * Memory, processor time, open files and the lag of the event loop of this process, under the names that all Prometheus
 * clients use. The default metrics of prom-client would do, but they cannot be stopped when the server is closed.
 */
class ProcessMetrics {
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
