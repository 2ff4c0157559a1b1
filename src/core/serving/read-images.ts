import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { RobleError } from '../errors.js';
import type { ModelChoice } from './models/served-models.js';
import { ACCEPTED_BODIES } from './problem.js';
import type { ReceivedImage } from './received-image.js';
import {
  batchRequestSchema,
  type Inclusion,
  predictQuerySchema,
  predictRequestSchema,
} from './request-schemas.js';

export interface PredictionRequest {
  readonly images: readonly ReceivedImage[];
  readonly topK?: number | undefined;
  readonly include: readonly Inclusion[];
  readonly model: ModelChoice;
}

/** The picture of a request of any accepted form; nothing is decoded yet. */
export async function readImage(request: FastifyRequest, maxBytes: number): Promise<PredictionRequest> {
  const query = readQuery(request);
  const encoded = await encodedImages(request, maxBytes);
  if (encoded?.length === 1) return { images: encoded, ...query };
  if (encoded)
    throw invalid('This path takes one image.', {
      received: `${encoded.length} images`,
      expected: '1; several go to /predict/batch',
    });
  const { topK, include, ...body } = check(predictRequestSchema, request.body);
  const { image, pixels, drawing } = body;
  const images = oneForm([image, pixels, drawing].map((one) => (one === undefined ? one : [one])));
  if (images) return { images, ...either(query, { topK, include }) };
  throw invalid('The body must hold one image.', {
    received: keysOf(body),
    expected: 'one of "image" (base64 or data URL), "pixels" (numbers) and "drawing" (strokes)',
  });
}

/** The pictures of a request of any accepted form, at least one; nothing is decoded yet. */
export async function readImages(
  request: FastifyRequest,
  maxBytes: number,
  maxBatch: number,
): Promise<PredictionRequest> {
  const query = readQuery(request);
  const encoded = await encodedImages(request, maxBytes);
  if (encoded) return { images: checkCount(encoded, maxBatch), ...query };
  const { topK, include, ...body } = check(batchRequestSchema, request.body);
  const images = oneForm([body.images, body.pixels, body.drawings]);
  if (images) return { images: checkCount(images, maxBatch), ...either(query, { topK, include }) };
  throw invalid('The body must hold a list of images.', {
    received: keysOf(body),
    expected:
      'one of "images" (list of base64 or data URLs), "pixels" (list of images as numbers) and "drawings" (list of strokes)',
  });
}

/** What is wanted besides an answer for the images. */
type Settings = Omit<PredictionRequest, 'images'>;

function readQuery(request: FastifyRequest): Settings {
  const { model: name, version, ...settings } = check(predictQuerySchema, request.query);
  return { ...settings, model: { name, version, stickyKey: stickyKeyOf(request) } };
}

/** Whose requests go to the same version: who the client says it is, or else its address. */
export function stickyKeyOf({ headers, ip }: FastifyRequest): string {
  const given = headers['x-sticky-key'];
  return typeof given === 'string' ? given : ip;
}

/** What the body says besides its images wins over the query; inclusions add up. */
function either(query: Settings, body: Omit<Settings, 'model'>): Settings {
  return {
    topK: body.topK ?? query.topK,
    include: [...query.include, ...body.include],
    model: query.model,
  };
}

/** Texts, numbers or drawings, whichever there are; undefined when there are none of them or several. */
function oneForm([texts, pixels, drawings]: readonly (readonly unknown[] | undefined)[]):
  | ReceivedImage[]
  | undefined {
  const forms = [
    texts?.map((base64) => ({ base64: base64 as string })),
    pixels?.map((pixels) => ({ pixels })),
    drawings?.map((drawing) => ({ drawing: drawing as Record<string, unknown> })),
  ].filter((form) => form !== undefined);
  return forms.length === 1 ? forms[0] : undefined;
}

function keysOf(body: object): string {
  return Object.keys(body).join(', ') || 'none of them';
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
    for await (const { file } of request.files()) {
      const chunks: Buffer[] = [];
      for await (const chunk of file as AsyncIterable<Buffer>) {
        left -= chunk.length;
        // Here, not when the form has ended: it may have no end.
        if (left < 0) throw tooLarge();
        chunks.push(chunk);
      }
      images.push({ encoded: Buffer.concat(chunks) });
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
    expected:
      '"image", "pixels" or "drawing" (in a batch "images", "pixels" or "drawings"), and "topK" and "include" if wanted',
  });
}

function invalid(message: string, details: { received?: unknown; expected: string }): RobleError {
  return new RobleError('ROBLE_REQUEST_INVALID', message, details);
}
