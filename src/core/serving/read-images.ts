import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { RobleError } from '../errors.js';
import { preprocessImage, preprocessPixels } from '../image/preprocess.js';
import type { Preprocessing } from '../image/preprocessing.js';

/** A picture as it came: encoded, or as numbers. */
export type ReceivedImage = { readonly encoded: Uint8Array } | { readonly pixels: unknown };

export interface PredictionRequest {
  readonly images: readonly ReceivedImage[];
  readonly topK: number | undefined;
}

const topK = z.coerce.number().int().positive().optional();
const querySchema = z.strictObject({ topK });
const bodySchema = z.strictObject({
  image: z.string().optional(),
  images: z.array(z.string()).optional(),
  pixels: z.array(z.unknown()).optional(),
  topK,
});

/** Reads the pictures of a request of any accepted form, before anything is decoded. */
export async function readImages(request: FastifyRequest, batch: boolean): Promise<PredictionRequest> {
  const query = check(querySchema, request.query);
  if (request.isMultipart()) return { images: await multipartImages(request), topK: query.topK };
  if (Buffer.isBuffer(request.body)) return { images: [{ encoded: request.body }], topK: query.topK };
  if (request.body === undefined || request.body === null)
    throw new RobleError('ROBLE_IMAGE_EMPTY', 'The request has no body.', { expected: ACCEPTED });
  const body = check(bodySchema, request.body);
  return { images: batch ? manyImages(body) : [oneImage(body)], topK: body.topK ?? query.topK };
}

const ACCEPTED = 'an image (image/*), multipart/form-data, or JSON with "image" or "pixels"';

type Body = z.output<typeof bodySchema>;

function oneImage({ image, pixels }: Body): ReceivedImage {
  if (image !== undefined && pixels === undefined) return { encoded: decodeBase64(image) };
  if (pixels !== undefined && image === undefined) return { pixels };
  throw invalid('The body must hold one image.', {
    expected: 'either "image" (base64 or data URL) or "pixels" (numbers)',
  });
}

function manyImages({ images, pixels }: Body): ReceivedImage[] {
  if (images !== undefined && pixels === undefined)
    return images.map((image) => ({ encoded: decodeBase64(image) }));
  if (pixels !== undefined && images === undefined) return pixels.map((image) => ({ pixels: image }));
  throw invalid('The body must hold a list of images.', {
    expected: 'either "images" (list of base64 or data URLs) or "pixels" (list of images as numbers)',
  });
}

async function multipartImages(request: FastifyRequest): Promise<ReceivedImage[]> {
  const images: ReceivedImage[] = [];
  for await (const file of request.files()) images.push({ encoded: await file.toBuffer() });
  if (images.length === 0) throw invalid('The form holds no file.', { expected: 'at least one file' });
  return images;
}

function decodeBase64(text: string): Uint8Array {
  const base64 = text.replace(/^data:[\w.+-]+\/[\w.+-]+(;[\w=.+-]+)*;base64,/i, '');
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(base64))
    throw invalid('An image is not base64.', {
      received: text.slice(0, 32),
      expected: 'base64, or a data URL with base64',
    });
  return Buffer.from(base64, 'base64');
}

/** The pixels that the model sees, uint8 [height, width, channels]. */
export function toModelPixels(
  image: ReceivedImage,
  preprocessing: Preprocessing,
  maxPixels: number,
): Promise<Uint8Array> {
  if ('encoded' in image) return preprocessImage(image.encoded, preprocessing, { maxPixels });
  return numbersToPixels(image.pixels, preprocessing);
}

/** Numbers 0..255: nested [height][width] or [height][width][channels], or flat in the model's own shape. */
async function numbersToPixels(value: unknown, preprocessing: Preprocessing): Promise<Uint8Array> {
  const rows = value as unknown[];
  const first = Array.isArray(rows) ? rows[0] : undefined;
  const nested = Array.isArray(first);
  const shape = nested
    ? { height: rows.length, width: first.length, channels: Array.isArray(first[0]) ? first[0].length : 1 }
    : { height: preprocessing.height, width: preprocessing.width, channels: preprocessing.channels };
  const flat = Array.isArray(value) ? value.flat(2) : [];
  const { height, width, channels } = shape;
  const regular = !nested || rows.every((row) => Array.isArray(row) && row.length === width);
  if (!regular || flat.length !== height * width * channels || ![1, 3, 4].includes(channels))
    throw new RobleError('ROBLE_IMAGE_SHAPE', 'The pixels do not fill a picture.', {
      received: `${flat.length} numbers`,
      expected: `[height][width], [height][width][channels], or ${preprocessing.height * preprocessing.width * preprocessing.channels} numbers`,
    });
  const odd = flat.find((number) => typeof number !== 'number' || !(number >= 0 && number <= 255));
  if (odd !== undefined)
    throw invalid('A pixel is out of range.', { received: odd, expected: 'numbers 0..255' });
  return preprocessPixels(
    Uint8Array.from(flat as number[], Math.round),
    { height, width, channels: channels as 1 | 3 | 4 },
    preprocessing,
  );
}

function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue!.path.length > 0 ? ` at "${issue!.path.join('.')}"` : '';
  throw invalid(`The request is not of the expected form${where}: ${issue!.message}.`, {
    expected: ACCEPTED,
  });
}

function invalid(message: string, details: { received?: unknown; expected: string }): RobleError {
  return new RobleError('ROBLE_REQUEST_INVALID', message, details);
}
