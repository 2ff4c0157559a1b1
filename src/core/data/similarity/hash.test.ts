import { expect, it } from 'vitest';
import { Random } from '../../base/random.js';
import { sha256 } from '../../base/storage/durable.js';
import { hashPictures } from './hash.js';
import { hashOnThreads } from './hash-threads.js';
import { findInk, picturesIn } from './ink.js';

const COUNT = 60;
const shape = { width: 28, height: 28, channels: 1 } as const;

/** Noise, dots, blanks and steps of grey. */
function pictures(seed: number): Uint8Array {
  const random = new Random(seed, 'augment');
  const below = (limit: number) => Math.floor(random.float() * limit);
  return Uint8Array.from({ length: COUNT * 784 }, (_, i) => {
    const kind = Math.floor(i / 784) % 4;
    if (kind === 0) return below(256);
    if (kind === 1) return below(10) === 0 ? 255 : 0;
    return kind === 2 ? 200 + below(8) : 255 - Math.floor((i % 784) / 28) * 9;
  });
}
const which = Uint32Array.from({ length: COUNT }, (_, i) => i);

it('gives the bits by which earlier data sets were divided', () => {
  const { words, order } = hashPictures(picturesIn(pictures(1), shape), which, shape);
  const bytes = Buffer.concat([Buffer.from(words.buffer), Buffer.from(order.buffer)]);
  expect(sha256(bytes)).toBe('3fdf4195308cc1e71443baba151404bcb53c551e3fe0247996052c7aa64b8533');
});

it('gives the same bits on threads, however many', async () => {
  const images = new Uint8Array(new SharedArrayBuffer(COUNT * 784));
  images.set(pictures(3));
  const some = which.filter((i) => i % 5 !== 2);
  const expected = hashPictures(picturesIn(images, shape), some, shape);
  for (const threads of [1, 2, 3])
    expect(await hashOnThreads(images, some, shape, threads)).toEqual(expected);
});

it('takes grey as it takes the same grey in three channels', () => {
  const grey = pictures(2);
  const colour = Uint8Array.from({ length: 3 * grey.length }, (_, i) => grey[Math.floor(i / 3)]!);
  const inColour = { ...shape, channels: 3 } as const;
  const [ink, sameInk] = [new Float32Array(784), new Float32Array(784)];
  for (let i = 0; i < COUNT; i++) {
    const levels = findInk(grey.subarray(i * 784, (i + 1) * 784), shape, ink);
    const sameLevels = findInk(colour.subarray(i * 2352, (i + 1) * 2352), inColour, sameInk);
    expect(levels).toEqual(sameLevels);
    expect(ink).toEqual(sameInk);
  }
});
