import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { RobleError } from '../errors.js';
import { ACCEPTED_BODIES } from './problem.js';
import type { ReceivedImage } from './received-image.js';

export interface PredictionRequest {
  readonly images: readonly ReceivedImage[];
  readonly topK: number | undefined;
}

const topK = z.coerce.number().int().positive().optional();
const querySchema = z.strictObject({ topK });
const oneSchema = z.strictObject({
  image: z.string().optional(),
  pixels: z.array(z.unknown()).optional(),
  topK,
});
const manySchema = z.strictObject({
  images: z.array(z.string()).optional(),
  pixels: z.array(z.unknown()).optional(),
  topK,
});

/** The picture of a request of any accepted form; nothing is decoded yet. */
export async function readImage(request: FastifyRequest, maxBytes: number): Promise<PredictionRequest> {
  const query = check(querySchema, request.query);
  const encoded = await encodedImages(request, maxBytes);
  if (encoded?.length === 1) return { images: encoded, topK: query.topK };
  if (encoded)
    throw invalid('This path takes one image.', {
      received: `${encoded.length} images`,
      expected: '1; several go to /predict/batch',
    });
  const { image, pixels, topK } = check(oneSchema, request.body);
  if ((image === undefined) === (pixels === undefined))
    throw invalid('The body must hold one image.', {
      received: image === undefined ? 'neither "image" nor "pixels"' : 'both "image" and "pixels"',
      expected: 'either "image" (base64 or data URL) or "pixels" (numbers)',
    });
  return { images: [image === undefined ? { pixels } : { base64: image }], topK: topK ?? query.topK };
}

/** The pictures of a request of any accepted form, at least one; nothing is decoded yet. */
export async function readImages(
  request: FastifyRequest,
  maxBytes: number,
  maxBatch: number,
): Promise<PredictionRequest> {
  const query = check(querySchema, request.query);
  const encoded = await encodedImages(request, maxBytes);
  if (encoded) return { images: checkCount(encoded, maxBatch), topK: query.topK };
  const { images, pixels, topK } = check(manySchema, request.body);
  if ((images === undefined) === (pixels === undefined))
    throw invalid('The body must hold a list of images.', {
      received: images === undefined ? 'neither "images" nor "pixels"' : 'both "images" and "pixels"',
      expected: 'either "images" (list of base64 or data URLs) or "pixels" (list of images as numbers)',
    });
  const list = images?.map((base64) => ({ base64 })) ?? pixels!.map((image) => ({ pixels: image }));
  return { images: checkCount(list, maxBatch), topK: topK ?? query.topK };
}

function checkCount(images: readonly ReceivedImage[], maxBatch: number): readonly ReceivedImage[] {
  if (images.length === 0) throw invalid('The batch is empty.', { expected: 'at least one image' });
  if (images.length > maxBatch)
    throw new RobleError('ROBLE_REQUEST_TOO_LARGE', 'The batch has too many images.', {
      received: images.length,
      expected: `at most ${maxBatch}`,
    });
  return images;
}

/** The images of a body that holds them as bytes; undefined for a JSON body. */
async function encodedImages(
  request: FastifyRequest,
  maxBytes: number,
): Promise<ReceivedImage[] | undefined> {
  if (request.isMultipart()) return multipartImages(request, maxBytes);
  if (Buffer.isBuffer(request.body)) return [{ encoded: request.body }];
  if (request.body === undefined || request.body === null)
    throw new RobleError('ROBLE_IMAGE_EMPTY', 'The request has no body.', { expected: ACCEPTED_BODIES });
  return undefined;
}

async function multipartImages(request: FastifyRequest, maxBytes: number): Promise<ReceivedImage[]> {
  const tooLarge = () =>
    new RobleError('ROBLE_REQUEST_TOO_LARGE', 'The form is too large.', {
      expected: `at most ${maxBytes} bytes`,
    });
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
  const images: ReceivedImage[] = [];
  let left = maxBytes;
  try {
    for await (const file of request.files()) {
      const encoded = await file.toBuffer();
      // The limit of the framework is for each file; together they could be far more.
      left -= encoded.length;
      if (left < 0) throw tooLarge();
      images.push({ encoded });
    }
  } catch (error) {
    // What the form parser throws itself has no status: the form ends early, or has no boundary.
    if (error instanceof RobleError || (error as { statusCode?: number }).statusCode) throw error;
    throw invalid(`The form cannot be read: ${(error as Error).message}.`, {
      expected: 'multipart/form-data',
    });
  }
  if (images.length === 0) throw invalid('The form holds no file.', { expected: 'at least one file' });
  return images;
}

function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue!.path.length > 0 ? ` at "${issue!.path.join('.')}"` : '';
  throw invalid(`The request is not of the expected form${where}: ${issue!.message}.`, {
    expected: '"image" or "pixels" (in a batch "images" or "pixels"), and "topK" if wanted',
  });
}

function invalid(message: string, details: { received?: unknown; expected: string }): RobleError {
  return new RobleError('ROBLE_REQUEST_INVALID', message, details);
}
