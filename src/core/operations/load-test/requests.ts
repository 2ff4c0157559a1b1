import { RobleError } from '../../base/errors.js';
import { encodePlainPng } from '../../image/encode-plain-png.js';
import { findImages } from '../../image/find-images.js';
import { Random } from '../../base/random.js';
import { readPlainFile } from '../../base/storage/read-file.js';
import type { LoadTarget } from './target.js';

/** One request of a load test. */
export interface LoadRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
}

export interface LoadPictures {
  /** Files, folders and globs of pictures; by default random ones in the shape of the model. */
  readonly images?: readonly string[] | undefined;
  /** Of the random pictures: another number, other pictures. A server remembers those that it was sent before. */
  readonly seed: number;
  /** So many random pictures, again and again; by default each is another one. */
  readonly repeat?: number | undefined;
  /** Pictures in one request; 1 goes to `/predict`, more to `/predict/batch`. */
  readonly batch: number;
}

/**
 * What is sent, by number of the request. Each random picture is sent once unless `repeat` says otherwise: a
 * cache that remembers answers has nothing to remember.
 *
 * @throws {RobleError} `ROBLE_FILE_NOT_FOUND` where a name stands for no picture
 */
export async function loadRequests(
  { images, seed, repeat, batch }: LoadPictures,
  { input }: LoadTarget,
): Promise<(index: number) => LoadRequest> {
  const picture = images?.length ? await pictureFiles(images) : randomPictures(input, seed, repeat);
  if (batch === 1)
    return (index) => ({
      path: '/predict',
      headers: { 'content-type': 'application/octet-stream' },
      body: picture(index),
    });
  return (index) => {
    const all = Array.from({ length: batch }, (_, i) => picture(index * batch + i).toString('base64'));
    return {
      path: '/predict/batch',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ images: all }),
    };
  };
}

async function pictureFiles(patterns: readonly string[]): Promise<(index: number) => Buffer> {
  const files: Buffer[] = [];
  for (const found of await findImages(patterns)) {
    if ('error' in found) throw RobleError.fromJSON(found.error);
    files.push(await readPlainFile(found.file));
  }
  return (index) => files[index % files.length]!;
}

function randomPictures(
  input: LoadTarget['input'],
  seed: number,
  repeat: number | undefined,
): (index: number) => Buffer {
  if (repeat === undefined) return (index) => randomPicture(input, seed, index);
  const kept = Array.from({ length: repeat }, (_, index) => randomPicture(input, seed, index));
  return (index) => kept[index % repeat]!;
}

/** Cheap to make: the machine may be the one whose server is measured. */
function randomPicture(
  { height, width, channels }: LoadTarget['input'],
  seed: number,
  index: number,
): Buffer {
  const random = new Random(seed, 'synthesize', index);
  const words = new Uint32Array(Math.ceil((height * width * channels) / 4)).map(() => random.uint32());
  const pixels = new Uint8Array(words.buffer, 0, height * width * channels);
  return encodePlainPng(pixels, { width, height, channels: channels as 1 | 3 });
}
