import { type RunningWorker, startChild, WorkerDied } from '../../base/process/workers.js';
import { sha256 } from '../../base/storage/durable.js';
import { guestsOf } from '../../plugin/guard.js';
import type { FeatureStore } from './feature-store.js';
import type { FeatureWorker, FeatureWorkerStart } from './feature-worker.js';

/** Pictures whose features are wanted; each is asked for more than once. */
export interface PictureSource {
  readonly count: number;
  /** uint8, [height, width, channels]; it may be overwritten by the next call. */
  pictureAt(index: number): Uint8Array;
}

export interface ExtractionOptions extends Omit<FeatureWorkerStart, 'threads'> {
  /** Processes that compute, each on one processor; on a graphics processor one is enough. */
  readonly processes: number;
  /** Called before the first picture and after each one, with those whose features are there. */
  readonly onProgress: (done: number, total: number) => void;
  /** Asked after each picture; what is computed by then stays. */
  readonly shouldStop: () => boolean;
}

/** Vectors that are written at once: each write waits for the disk. */
const WRITTEN_AT_ONCE = 64;

/** Pictures that a graphics processor gets at once. On a processor one at a time is as fast, and takes the least memory. */
const PICTURES_ON_GPU = 32;

/**
 * Computes the features that the store lacks. What a picture's features are depends on that picture alone, so that
 * neither a kill nor the number of processes changes them.
 *
 * @returns the row of each picture in the store; undefined when asked to stop
 * @throws {RobleError} what the backend throws, and `ROBLE_WORKER_DIED` when not even one process stays alive
 */
export async function extractFeatures(
  source: PictureSource,
  store: FeatureStore,
  options: ExtractionOptions,
): Promise<Uint32Array | undefined> {
  const { onProgress, shouldStop } = options;
  const keys: string[] = [];
  for (let i = 0; i < source.count; i++) {
    keys.push(sha256(source.pictureAt(i)));
    if (i % WRITTEN_AT_ONCE === 0) {
      // Others have their turn, too: the sign of life, and the request to stop.
      await new Promise(setImmediate);
      if (shouldStop()) return undefined;
    }
  }
  await store.dropDamaged(keys);
  const missing = new Map<string, number>();
  for (const [i, key] of keys.entries())
    if (store.rowOf(key) === undefined && !missing.has(key)) missing.set(key, i);
  const total = new Set(keys).size;
  let done = total - missing.size;
  onProgress(done, total);
  if (missing.size > 0) {
    const work = new Extraction(source, [...missing], store, options);
    const isComplete = await work.run((count) => {
      done += count;
      onProgress(done, total);
      return !shouldStop();
    });
    if (!isComplete) return undefined;
  }
  return Uint32Array.from(keys, (key) => store.rowOf(key)!);
}

type Missing = readonly [key: string, picture: number];

/** Several processes at work on the pictures that are missing. */
class Extraction {
  readonly #source: PictureSource;
  readonly #missing: Missing[];
  readonly #store: FeatureStore;
  readonly #options: ExtractionOptions;
  /** Computed and not written yet. */
  #ready: { key: string; vector: Float32Array }[] = [];
  #writing: Promise<void> = Promise.resolve();

  constructor(source: PictureSource, missing: Missing[], store: FeatureStore, options: ExtractionOptions) {
    this.#source = source;
    // Taken from the end.
    this.#missing = missing.reverse();
    this.#store = store;
    this.#options = options;
  }

  /** Gives false when `onPictures` said to stop. */
  async run(onPictures: (count: number) => boolean): Promise<boolean> {
    let processes = this.#options.processes;
    while (this.#missing.length > 0) {
      const failures = await this.#runWorkers(processes, onPictures);
      await this.#write();
      if (failures.length === 0) return this.#missing.length === 0;
      // A process that was killed, as for lack of memory, leaves its work to fewer ones.
      processes -= failures.length;
      const fatal = failures.find((error) => !(error instanceof WorkerDied)) ?? failures[0];
      if (processes <= 0 || !(fatal instanceof WorkerDied)) throw fatal;
    }
    return true;
  }

  /** Computes until nothing is missing, `onPictures` says to stop or a process fails, and gives the failures. */
  async #runWorkers(processes: number, onPictures: (count: number) => boolean): Promise<unknown[]> {
    const size = this.#options.device === 'cpu' ? 1 : PICTURES_ON_GPU;
    const count = Math.min(processes, Math.ceil(this.#missing.length / size));
    let isWanted = true;
    const compute = async () => {
      const worker = startWorker(this.#options);
      try {
        while (isWanted && this.#missing.length > 0) {
          const batch = this.#missing.splice(-size).reverse();
          await this.#compute(worker, batch);
          isWanted &&= onPictures(batch.length);
        }
      } catch (error) {
        if (!(error instanceof WorkerDied)) isWanted = false;
        throw error;
      } finally {
        await worker.kill();
      }
    };
    const outcomes = await Promise.allSettled(Array.from({ length: count }, compute));
    return outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  }

  async #compute(worker: RunningWorker<FeatureWorker>, batch: readonly Missing[]): Promise<void> {
    try {
      const pictures = Buffer.concat(batch.map(([, picture]) => this.#source.pictureAt(picture)));
      const vectors = await worker.call('compute', { pictures, count: batch.length });
      const length = vectors.length / batch.length;
      for (const [i, [key]] of batch.entries())
        this.#ready.push({ key, vector: vectors.slice(i * length, (i + 1) * length) });
    } catch (error) {
      this.#missing.push(...batch.toReversed());
      throw error;
    }
    if (this.#ready.length >= WRITTEN_AT_ONCE) await this.#write();
  }

  /** One write after another. */
  #write(): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      const ready = this.#ready;
      this.#ready = [];
      if (ready.length === 0) return;
      const length = ready[0]!.vector.length;
      const vectors = new Float32Array(ready.length * length);
      for (const [i, { vector }] of ready.entries()) vectors.set(vector, i * length);
      await this.#store.add(
        ready.map(({ key }) => key),
        vectors,
      );
    });
    return this.#writing;
  }
}

function startWorker({
  plugins,
  backend,
  device,
  extractor,
}: ExtractionOptions): RunningWorker<FeatureWorker> {
  const start: FeatureWorkerStart = { plugins, backend, device, extractor, threads: 1 };
  return startChild<FeatureWorker>(new URL('./feature-worker.js', import.meta.url), start, {
    name: 'A process of features',
    guests: guestsOf(plugins),
  });
}
