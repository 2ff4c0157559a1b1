import { type RunningWorker, startThread } from '../base/process/workers.js';
import type { Conversion, PictureBatch, PictureThread } from './picture-worker.js';

/** A picture as uint8 [height, width, channels] of the preprocessing, or what is wrong with it. */
export type ConvertedPicture = Conversion & { readonly pixels: Uint8Array };

/**
 * Threads that decode pictures. They are started as there is work for them, so that little work needs one.
 *
 * @example
 * const threads = new PictureThreads(2);
 * const [picture] = await threads.prepare({ pictures: [{ from: 'a.png' }], preprocessing, options: {} });
 * await threads.close();
 */
export class PictureThreads {
  readonly #threads: { readonly thread: RunningWorker<PictureThread>; waiting: number }[] = [];
  readonly #count: number;

  constructor(count: number) {
    this.#count = count;
  }

  /**
   * Decodes pictures on the thread with the least to do. Bytes that fill their buffer move there, and are gone here.
   *
   * @throws {RobleError} `ROBLE_WORKER_DIED`
   */
  async prepare(batch: PictureBatch): Promise<ConvertedPicture[]> {
    const { pictures } = batch;
    if (pictures.length === 0) return [];
    const chosen = this.#idlest();
    chosen.waiting++;
    const move = pictures.flatMap(({ from }) => (typeof from === 'string' ? [] : ownBuffer(from)));
    const { pixels, conversions } = await chosen.thread
      .call('prepare', batch, { move })
      .finally(() => chosen.waiting--);
    const size = pixels.length / pictures.length;
    return conversions.map((conversion, i) => ({
      ...conversion,
      pixels: pixels.subarray(i * size, (i + 1) * size),
    }));
  }

  #idlest() {
    const [idlest] = this.#threads.toSorted((a, b) => a.waiting - b.waiting);
    if (idlest && (idlest.waiting === 0 || this.#threads.length === this.#count)) return idlest;
    const file = new URL('./picture-worker.js', import.meta.url);
    const thread = startThread<PictureThread>(file, undefined, { name: 'A thread that decodes pictures' });
    const started = { thread, waiting: 0 };
    this.#threads.push(started);
    return started;
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map(({ thread }) => thread.kill()));
  }
}

/** The buffer of bytes that nobody else has a part of. */
function ownBuffer({ buffer, byteLength }: Uint8Array): ArrayBuffer[] {
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [];
}
