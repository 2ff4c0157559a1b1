import { type RunningWorker, startThread } from '../base/process/workers.js';
import type { Conversion, EncodedPicture, PictureBatch, PictureThread } from './picture-worker.js';
import type { PreprocessOptions } from './preprocess.js';
import type { Preprocessing } from './settings.js';

/** A picture as uint8 [height, width, channels] of the preprocessing, or what is wrong with it. */
export type ConvertedPicture = Conversion & {
  readonly pixels: Uint8Array;
  /** Tells the picture from others, and its file from what that was before; undefined where it cannot be told. */
  readonly version: string | undefined;
};

const NOTHING_SAID: Conversion = { notices: [] };

/**
 * Threads that decode pictures. They are started as there is work for them, so that little work needs one.
 *
 * @example
 * const threads = new PictureThreads(2);
 * const pixels = await threads.preprocess(await readFile('a.png'), model.preprocessing);
 * await threads.close();
 */
export class PictureThreads {
  readonly #threads = new Set<StartedThread>();
  readonly #count: number;

  constructor(count: number) {
    this.#count = count;
  }

  /**
   * As `preprocessImage`, on another thread; `preprocessQuickly` says for which pictures asking one would take longer.
   *
   * @throws {RobleError} those of `preprocessImage`, `ROBLE_WORKER_DIED`
   */
  async preprocess(
    encoded: Uint8Array,
    preprocessing: Preprocessing,
    options: PreprocessOptions = {},
  ): Promise<Uint8Array> {
    // A copy that moves: the bytes may be needed again, and be a part of a larger buffer, all of which would be copied.
    const copy = new Uint8Array(encoded);
    const request = { encoded: copy, preprocessing, options };
    return this.#ask((thread) => thread.call('preprocess', request, { move: [copy.buffer] }));
  }

  /**
   * Reads and decodes several pictures on one thread; one that is at fault says so in its place.
   *
   * @throws {RobleError} `ROBLE_WORKER_DIED`
   */
  async prepare(batch: PictureBatch): Promise<ConvertedPicture[]> {
    const { pictures } = batch;
    if (pictures.length === 0) return [];
    const { pixels, versions, said } = await this.#ask((thread) => thread.call('prepare', batch));
    const size = pixels.length / pictures.length;
    const conversions = new Map(said);
    return pictures.map((_, i) => ({
      ...(conversions.get(i) ?? NOTHING_SAID),
      version: versions[i],
      pixels: pixels.subarray(i * size, (i + 1) * size),
    }));
  }

  /**
   * The version of each picture, as `prepare` gives it, without decoding.
   *
   * @throws {RobleError} `ROBLE_WORKER_DIED`
   */
  async identify(pictures: readonly EncodedPicture[]): Promise<(string | undefined)[]> {
    return this.#ask((thread) => thread.call('identify', pictures));
  }

  async #ask<T>(call: (thread: RunningWorker<PictureThread>) => Promise<T>): Promise<T> {
    const chosen = this.#idlest();
    chosen.waiting++;
    try {
      return await call(chosen.thread);
    } finally {
      chosen.waiting--;
    }
  }

  #idlest(): StartedThread {
    const [idlest] = [...this.#threads].sort((a, b) => a.waiting - b.waiting);
    if (idlest && (idlest.waiting === 0 || this.#threads.size >= this.#count)) return idlest;
    const file = new URL('./picture-worker.js', import.meta.url);
    const thread = startThread<PictureThread>(file, undefined, { name: 'A thread that decodes pictures' });
    const started = { thread, waiting: 0 };
    this.#threads.add(started);
    // What it had to do has failed; the next picture gets another one.
    void thread.ended.then(() => this.#threads.delete(started));
    return started;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#threads].map(({ thread }) => thread.kill()));
  }
}

interface StartedThread {
  readonly thread: RunningWorker<PictureThread>;
  /** Calls that it has not answered. */
  waiting: number;
}
