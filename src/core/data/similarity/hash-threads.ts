import { availableParallelism } from 'node:os';
import { startThread } from '../../base/process/workers.js';
import { centre, FEATURES, HASH_WORDS, hashPictures, type PictureHashes } from './hash.js';
import type { HashThread } from './hash-worker.js';
import { type PictureShape, picturesIn } from './ink.js';

/** Bytes of pictures that are hashed in the time that it takes to start a thread. */
const WORTH_A_THREAD = 2 ** 21;

/**
 * As {@link hashPictures}, on threads where that is quicker, to the same bits.
 *
 * @param most threads; default one for each core
 * @throws {RobleError} `ROBLE_WORKER_DIED`
 */
export async function hashOnThreads(
  images: Uint8Array<SharedArrayBuffer>,
  which: Uint32Array,
  shape: PictureShape,
  most = Math.min(availableParallelism(), Math.floor(images.length / WORTH_A_THREAD)),
): Promise<PictureHashes> {
  if (most < 2) return hashPictures(picturesIn(images, shape), which, shape);
  const { length } = which;
  const features = new Float32Array(shared(length * FEATURES));
  const hashes = {
    words: new Uint32Array(shared(length * HASH_WORDS)),
    order: new Float32Array(shared(length)),
  };
  const file = new URL('./hash-worker.js', import.meta.url);
  const pieces = Array.from({ length: most }, (_, i) => {
    const [from, to] = [Math.floor((i * length) / most), Math.floor(((i + 1) * length) / most)];
    return {
      thread: startThread<HashThread>(file, undefined, { name: 'A thread that hashes pictures' }),
      which: which.slice(from, to),
      features: features.subarray(from * FEATURES, to * FEATURES),
      hashes: {
        words: hashes.words.subarray(from * HASH_WORDS, to * HASH_WORDS),
        order: hashes.order.subarray(from, to),
      },
    };
  });
  try {
    await Promise.all(
      pieces.map(({ thread, which, features }) => thread.call('reduce', { images, which, shape, features })),
    );
    centre(features);
    await Promise.all(
      pieces.map(({ thread, features, hashes }) => thread.call('hash', { features, hashes })),
    );
    return hashes;
  } finally {
    await Promise.all(pieces.map(({ thread }) => thread.kill()));
  }
}

/** Memory for so many values of 32 bits. */
const shared = (count: number) => new SharedArrayBuffer(4 * count);
