import { z } from 'zod';
import { RobleError } from '../../base/errors.js';
import { parseJson, readPlainFile } from '../../base/storage/read-file.js';
import { findImages } from '../../image/find-images.js';
import { PICTURE_KINDS, type PictureKind, type PictureMaker, pictureMakers } from './pictures.js';

/** One request of a load test. */
export interface LoadRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
}

export interface LoadPictures {
  /** Files, folders and globs of pictures; by default random ones of the kinds of {@link pictureMakers}. */
  readonly images?: readonly string[] | undefined;
  /** Of the random pictures: another seed gives other pictures. A server remembers those that it was sent before. */
  readonly seed: number;
  /** Send this many random pictures again and again; by default no picture is sent twice. */
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
): Promise<{ requestOf: (index: number) => LoadRequest; pictures: readonly PictureKind[] | number }> {
  const files = images?.length ? await pictureFiles(images) : undefined;
  const picture: PictureMaker = files
    ? (index) => files[index % files.length]!
    : await randomPictures(input, seed, repeat);
  return {
    requestOf: batch === 1 ? single(picture) : batches(picture, batch),
    pictures: files?.length ?? PICTURE_KINDS,
  };
}

const single = (picture: PictureMaker) => (index: number) => ({
  path: '/predict',
  headers: { 'content-type': 'application/octet-stream' },
  body: picture(index),
});

const batches = (picture: PictureMaker, batch: number) => (index: number) => {
  const all = Array.from({ length: batch }, (_, i) => picture(index * batch + i).toString('base64'));
  return {
    path: '/predict/batch',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ images: all }),
  };
};

async function pictureFiles(patterns: readonly string[]): Promise<Buffer[]> {
  const files: Buffer[] = [];
  for (const found of await findImages(patterns)) {
    if ('error' in found) throw RobleError.fromJSON(found.error);
    files.push(await readPlainFile(found.file));
  }
  return files;
}

/** The kinds in turn. */
async function randomPictures(
  input: LoadTarget['input'],
  seed: number,
  repeat: number | undefined,
): Promise<PictureMaker> {
  const makers = Object.values(await pictureMakers(input, seed));
  const picture: PictureMaker = (index) => makers[index % makers.length]!(index);
  if (repeat === undefined) return picture;
  const kept = Array.from({ length: repeat }, (_, index) => picture(index));
  return (index) => kept[index % repeat]!;
}

/** What a load test has to know of a server, from its `/stats`. */
export interface LoadTarget {
  /** Scheme, host and port. */
  readonly origin: string;
  /** Of the model, as answers name it. */
  readonly model: string;
  readonly input: { readonly height: number; readonly width: number; readonly channels: number };
  /** Answers so far by where they came from; undefined where the server does not say. */
  readonly answers: Readonly<Record<string, number>> | undefined;
}

const statsSchema = z.object({
  model: z.object({
    name: z.string(),
    input: z.object({
      height: z.int().positive(),
      width: z.int().positive(),
      channels: z.union([z.literal(1), z.literal(3)]),
    }),
  }),
  cache: z.object({ answers: z.record(z.string(), z.number()) }).optional(),
});

const PROBE_TIMEOUT_MS = 5000;

/**
 * Asks a server what it serves.
 *
 * @param url such as `http://127.0.0.1:8080`
 * @param headers of every request, such as an API key
 * @throws {RobleError} `ROBLE_USAGE` for what is no URL, `ROBLE_SERVER_UNREACHABLE` where no roble server answers
 */
export async function probeTarget(
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<LoadTarget> {
  const { origin } = parseUrl(url);
  const { request } = await import('undici');
  const response = await request(`${origin}/stats`, {
    headers,
    headersTimeout: PROBE_TIMEOUT_MS,
    bodyTimeout: PROBE_TIMEOUT_MS,
  }).catch((cause: NodeJS.ErrnoException) => {
    throw unreachable(origin, cause.code ?? cause.message, cause);
  });
  const text = await response.body.text();
  if (response.statusCode !== 200) throw unreachable(origin, `GET /stats: ${response.statusCode}`);
  const parsed = statsSchema.safeParse(parseJson(text));
  if (!parsed.success) throw unreachable(origin, `GET /stats: ${text.slice(0, 60)}`);
  const { model, cache } = parsed.data;
  return { origin, model: model.name, input: model.input, answers: cache?.answers };
}

function parseUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed && /^https?:$/.test(parsed.protocol) && parsed.pathname === '/') return parsed;
  throw new RobleError('ROBLE_USAGE', `${url} is not the address of a server.`, {
    received: url,
    expected: 'http:// or https:// with a host, and no path, such as http://127.0.0.1:8080',
  });
}

function unreachable(origin: string, received: string, cause?: Error): RobleError {
  return new RobleError('ROBLE_SERVER_UNREACHABLE', `No roble server answers at ${origin}.`, {
    received,
    expected: 'the answer of GET /stats',
    nextSteps: ['Start one with "roble serve", which says its address.'],
    ...(cause && { cause }),
  });
}
