import { RobleError } from '../../base/errors.js';
import type { ModelBundle } from '../../model/bundle.js';
import type { PluginEntry } from '../../plugin/contracts.js';
import type { PredictorOptions } from '../../predict/predictor.js';
import { problemOf } from '../request/problem.js';
import { dropped, PRIORITIES, type Priority, reasonToDrop, type Urgency } from '../request/urgency.js';
import { type InferenceRunner, LocalInference, startInferenceProcess } from './runner.js';

/** Images that one call of a model takes at most. */
const MAX_BATCH = 64;
/** Wait before a dead worker is started again; doubled with each death in a row. */
const FIRST_RESTART_MS = 100;
const LAST_RESTART_MS = 5000;
/** When every worker died this often in a row, images no longer wait for one to come back. */
const DEATHS_TO_GIVE_UP = 4;
/** A process that failed this many batches in a row is replaced: it may lack memory, or be in a bad state. */
const FAILURES_TO_REPLACE = 3;
/** How often images that nobody waits for any more are dropped while all workers are busy. */
const SWEEP_MS = 50;
/**
 * Between the death of a process and second tries of its images. Processes that are killed together are seen to end one after
 * the other, and an image that is given to one that is dead already would fail as if it had ended both.
 */
const RETRY_MS = 100;

/** What the model says of an image, and how long that took. */
export interface ComputedAnswer {
  /** float32 [classes] */
  readonly probabilities: Float32Array;
  /** From the arrival to the start of its batch. */
  readonly queueMs: number;
  /** Of its batch, with the way to the inference process and back. */
  readonly inferenceMs: number;
}

/** Observes all pools of a server. */
export interface InferenceObserver {
  /** A process got this many images together. */
  batch(images: number): void;
  /** A process is started again, because the one before it died. */
  restart(): void;
}

interface Worker {
  process: InferenceRunner | undefined;
  state: 'starting' | 'idle' | 'busy' | 'dead';
  /** Whether it could answer, as far as that depends on others than its process. */
  healthy: boolean;
  jobs: Job[];
  /** In a row, without an answer between them. */
  deaths: number;
  /** Batches that its process failed in a row. */
  failures: number;
  /** When its batch was given to it, on the clock of `performance.now()`. */
  started: number;
  /** Ends a process that does not answer. */
  timeout: NodeJS.Timeout | undefined;
}

export interface InferencePoolOptions {
  readonly bundle: ModelBundle;
  /** With 0 the model computes in this process. */
  readonly workers: number;
  /** A process that takes longer for a batch is ended, and replaced as one that died. */
  readonly timeoutMs: number;
  readonly predictor: PredictorOptions;
  readonly plugins: readonly PluginEntry[];
  /** Called when every process died so often in a row that images no longer wait for one. */
  readonly hopeless?: () => void;
  /** Called with what happens to the workers. */
  readonly warn: (message: string) => void;
  readonly observer?: InferenceObserver | undefined;
}

/**
 * Inference processes with one queue. An idle worker takes at once all that waits, up to a batch: while it computes the
 * next batch collects itself, and nobody waits for a batch to fill. A worker that dies is replaced, and its images are
 * tried once more.
 */
export class InferencePool {
  readonly #options: InferencePoolOptions;
  readonly #queue = new ImageQueue();
  readonly #sweep: NodeJS.Timeout;
  readonly #workers: Worker[] = [];
  #closed = false;
  #isDispatching = false;
  /** When second tries may begin, on the clock of `performance.now()`. */
  #retriesFrom = 0;
  #batches = 0;
  #restarts = 0;

  private constructor(options: InferencePoolOptions) {
    this.#options = options;
    this.#sweep = setInterval(() => this.#queue.drop(), SWEEP_MS).unref();
  }

  /** Starts the workers and waits until each has loaded the model; throws what the first one to fail says. */
  static async start(options: InferencePoolOptions): Promise<InferencePool> {
    const pool = new InferencePool(options);
    try {
      await Promise.all(Array.from({ length: Math.max(1, options.workers) }, () => pool.#addWorker()));
    } catch (error) {
      await pool.close();
      throw error;
    }
    return pool;
  }

  /** Workers that have the model and can take work. */
  get readyWorkers(): number {
    return this.#workers.filter((worker) => isReady(worker) && worker.healthy).length;
  }

  /** Workers that there should be: without processes, the one in this process. */
  get wantedWorkers(): number {
    return this.#workers.length;
  }

  get queueLength(): number {
    return this.#queue.length;
  }

  /** Images that nobody waited for any more, by reason. */
  get dropped() {
    return this.#queue.dropped;
  }

  /** Calls of the model so far. */
  get batches(): number {
    return this.#batches;
  }

  get restarts(): number {
    return this.#restarts;
  }

  get processIds(): number[] {
    return this.#workers.flatMap((worker) =>
      worker.state === 'dead' ? [] : (worker.process?.processId ?? []),
    );
  }

  /**
   * The answer for one image, uint8 [height, width, channels].
   *
   * @throws {RobleError} `ROBLE_SERVER_NOT_READY` when no worker can answer; `ROBLE_DEADLINE_EXCEEDED` and
   *   `ROBLE_REQUEST_ABANDONED` when the answer would come too late.
   */
  predict(image: Uint8Array, urgency: Urgency = {}): Promise<ComputedAnswer> {
    if (this.#closed) return Promise.reject(notReady('The server is stopping.'));
    if (this.#isHopeless()) return Promise.reject(notReady('No inference process stays alive.'));
    const arrivedAt = performance.now();
    return new Promise((resolve, fail) => {
      const settle: Job['settle'] = (probabilities, startedAt) =>
        resolve({
          probabilities,
          queueMs: startedAt - arrivedAt,
          inferenceMs: performance.now() - startedAt,
        });
      this.#queue.push({ urgency, image, settle, fail, retried: false });
      this.#dispatchSoon();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#sweep);
    this.#failQueue('The server is stopping.');
    await Promise.all(this.#workers.map(({ process }) => process?.kill()));
  }

  /** When what has come by now is read: images that come together are computed together, and a message costs as much as one. */
  #dispatchSoon(): void {
    if (this.#isDispatching || !this.#workers.some(({ state }) => state === 'idle')) return;
    this.#isDispatching = true;
    setImmediate(() => {
      this.#isDispatching = false;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    // What waits is divided, for two halves on two processes are faster than one batch on one.
    const share = Math.ceil(this.#queue.length / Math.max(1, this.readyWorkers));
    for (const worker of this.#workers) {
      if (this.#queue.length === 0) return;
      if (worker.state !== 'idle') continue;
      worker.jobs = this.#queue.take(Math.min(MAX_BATCH, share), this.#mayRetry(worker));
      // All that waited may have been unwanted, or not for this one.
      if (worker.jobs.length === 0) continue;
      worker.state = 'busy';
      worker.started = performance.now();
      worker.timeout = setTimeout(() => void worker.process!.kill(), this.#options.timeoutMs);
      this.#batches++;
      this.#options.observer?.batch(worker.jobs.length);
      const images = Buffer.concat(worker.jobs.map(({ image }) => image));
      worker.process!.predict(images, worker.jobs.length).then(
        (probabilities) => this.#finish(worker, probabilities),
        (error) => this.#fail(worker, error),
      );
    }
  }

  /** An image is not tried again by the process that failed it, as long as there is another. */
  #mayRetry({ failures }: Worker): boolean {
    if (performance.now() < this.#retriesFrom) return false;
    return failures === 0 || !this.#workers.some((other) => isReady(other) && other.failures === 0);
  }

  /** Resolves when the worker is ready, rejects when its first process cannot be. */
  #addWorker(): Promise<void> {
    const worker: Worker = {
      process: undefined,
      state: 'starting',
      healthy: true,
      jobs: [],
      deaths: 0,
      failures: 0,
      started: 0,
      timeout: undefined,
    };
    this.#workers.push(worker);
    return new Promise((resolve, reject) => {
      this.#startProcess(worker, resolve, (error) => {
        worker.state = 'dead';
        reject(error);
      });
    });
  }

  /** `failed` is called when the process ends before it was ready; the pool itself replaces one that ends later. */
  #startProcess(worker: Worker, started: () => void, failed: (error: Error) => void): void {
    const { bundle, predictor, plugins } = this.#options;
    const { folder, digest } = bundle;
    worker.state = 'starting';
    worker.healthy = true;
    worker.failures = 0;
    const start = { folder, digest, options: predictor, plugins };
    const listener = {
      health: (problem: string | undefined) => {
        worker.healthy = problem === undefined;
        this.#options.warn(problem ?? 'The backend can answer again.');
      },
      wrote: (line: string) => this.#options.warn(`An inference process wrote: ${line}`),
    };
    const runner =
      this.#options.workers === 0
        ? new LocalInference(start, listener)
        : startInferenceProcess(start, listener);
    worker.process = runner;
    runner.started.then(
      () => {
        worker.state = 'idle';
        started();
        this.#dispatch();
      },
      () => {},
    );
    void runner.ended.then((error) =>
      worker.state === 'starting' ? failed(error) : this.#replace(worker, error),
    );
  }

  #finish(worker: Worker, probabilities: Float32Array): void {
    const jobs = worker.jobs.splice(0);
    clearTimeout(worker.timeout);
    worker.deaths = 0;
    worker.failures = 0;
    worker.state = 'idle';
    const startedAt = worker.started;
    this.#dispatch();
    const classes = this.#options.bundle.classes.length;
    for (const [i, job] of jobs.entries())
      job.settle(probabilities.subarray(i * classes, (i + 1) * classes), startedAt);
  }

  /** An error that the backend foresaw is the answer; with any other, the images are tried once more, as after a death. */
  #fail(worker: Worker, error: RobleError): void {
    // Its end, which follows, takes care of the images.
    if (error.code === 'ROBLE_WORKER_DIED') return;
    const jobs = worker.jobs.splice(0);
    clearTimeout(worker.timeout);
    worker.deaths = 0;
    if (problemOf(error).status !== 500) {
      worker.failures = 0;
      for (const job of jobs) job.fail(error);
    } else {
      // Where an image fails alone, and for the second time, it may be the image.
      if (jobs.some(({ retried }) => !retried)) worker.failures++;
      this.#giveBack(jobs, error);
    }
    if (worker.failures < FAILURES_TO_REPLACE) {
      worker.state = 'idle';
      this.#dispatch();
    } else {
      this.#options.warn(`An inference process fails again and again and is replaced: ${error.message}`);
      void worker.process!.kill();
    }
  }

  /** Gives a dead worker's images back to the queue, and starts a new process after a while. */
  #replace(worker: Worker, error: Error): void {
    worker.state = 'dead';
    worker.deaths++;
    clearTimeout(worker.timeout);
    this.#giveBack(worker.jobs.splice(0), notReady('The inference process died twice with this image.'));
    this.#retriesFrom = performance.now() + RETRY_MS;
    if (this.#closed) this.#failQueue('The server is stopping.');
    else {
      this.#options.warn(error.message);
      if (this.#isHopeless()) {
        this.#failQueue('No inference process stays alive.');
        this.#options.hopeless?.();
      }
      setTimeout(() => this.#restart(worker), restartDelayMs(worker.deaths)).unref();
      setTimeout(() => this.#dispatch(), RETRY_MS + 1).unref();
      this.#dispatch();
    }
  }

  /** Images that come back for the second time fail. */
  #giveBack(jobs: readonly Job[], error: RobleError): void {
    for (const job of jobs.filter(({ retried }) => retried)) job.fail(error);
    this.#queue.retry(jobs.filter(({ retried }) => !retried));
  }

  #restart(worker: Worker): void {
    if (this.#closed) return;
    this.#restarts++;
    this.#options.observer?.restart();
    this.#startProcess(
      worker,
      () => {},
      (error) => this.#replace(worker, error),
    );
  }

  #isHopeless(): boolean {
    return this.#workers.every((worker) => !isReady(worker) && worker.deaths >= DEATHS_TO_GIVE_UP);
  }

  #failQueue(reason: string): void {
    this.#queue.fail(() => notReady(reason));
  }
}

function isReady({ state }: Worker): boolean {
  return state === 'idle' || state === 'busy';
}

function restartDelayMs(deaths: number): number {
  return Math.min(FIRST_RESTART_MS * 2 ** (deaths - 1), LAST_RESTART_MS);
}

function notReady(message: string): RobleError {
  return new RobleError('ROBLE_SERVER_NOT_READY', message, { nextSteps: ['Try again in a moment.'] });
}

/** An image that waits for a model. */
export interface Job {
  readonly urgency: Urgency;
  readonly image: Uint8Array;
  /** Given the probabilities, and when the model got the image, on the clock of `performance.now()`. */
  readonly settle: (probabilities: Float32Array, startedAt: number) => void;
  readonly fail: (error: Error) => void;
  /** Whether a process ended with it already: then it is not tried again. */
  retried: boolean;
}

/**
 * The images that wait, by priority and then by age. What nobody waits for any more, because its client has gone or its
 * deadline has passed, is dropped before it costs the model anything.
 */
export class ImageQueue {
  /** Second tries, which come before all others. */
  #retries: Job[] = [];
  readonly #waiting: Record<Priority, Job[]> = { high: [], normal: [], low: [] };
  readonly #dropped = { abandoned: 0, expired: 0 };

  get length(): number {
    return PRIORITIES.reduce((sum, priority) => sum + this.#waiting[priority].length, this.#retries.length);
  }

  /** Images that were dropped so far, by reason. */
  get dropped(): { readonly abandoned: number; readonly expired: number } {
    return { ...this.#dropped };
  }

  push(job: Job): void {
    this.#waiting[job.urgency.priority ?? 'normal'].push(job);
  }

  /** Puts images back whose process ended. */
  retry(jobs: readonly Job[]): void {
    for (const job of jobs) job.retried = true;
    this.#retries.unshift(...jobs);
  }

  /**
   * The next images to compute together. A second try is made alone, so that an image that ends processes takes no other
   * along; where `retries` is false it waits on.
   */
  take(limit: number, retries = true): Job[] {
    this.drop();
    if (retries && this.#retries.length > 0) return this.#retries.splice(0, 1);
    const batch: Job[] = [];
    for (const priority of PRIORITIES) batch.push(...this.#waiting[priority].splice(0, limit - batch.length));
    return batch;
  }

  /** Drops what nobody waits for any more. */
  drop(): void {
    const isWanted = (job: Job) => {
      const reason = reasonToDrop(job.urgency);
      if (reason === undefined) return true;
      this.#dropped[reason]++;
      job.fail(dropped(reason));
      return false;
    };
    this.#retries = this.#retries.filter(isWanted);
    for (const priority of PRIORITIES) this.#waiting[priority] = this.#waiting[priority].filter(isWanted);
  }

  /** Fails all that waits. */
  fail(error: () => Error): void {
    for (const job of [
      ...this.#retries.splice(0),
      ...PRIORITIES.flatMap((name) => this.#waiting[name].splice(0)),
    ])
      job.fail(error());
  }
}
