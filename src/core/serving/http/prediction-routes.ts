import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from 'fastify';
import { RobleError } from '../../base/errors.js';
import { classifyEach, classifyImage } from '../classify/classify.js';
import type { ReceivedImage } from '../classify/received-image.js';
import type { ServingScope } from '../classify/serving-scope.js';
import type { ModelChoice, ServedModels } from '../models/served-models.js';
import { takeBodies } from '../request/body-types.js';
import { checkedRequest, onlyForm, requestObject } from '../request/checked-request.js';
import {
  BATCH_REQUESTS,
  batchAnswerSchema,
  batchFormSchema,
  batchRequestSchema,
  formFieldsSchema,
  type Inclusion,
  PREDICT_REQUESTS,
  predictAnswerSchema,
  predictFormSchema,
  predictQuerySchema,
  predictRequestSchema,
} from '../request/schemas.js';
import { PRIORITIES, type Urgency, urgencyOf } from '../request/urgency.js';
import { encodedImages, keysOf, readOneImage } from './one-image.js';
import { addRoute, BYTES, json, PROBLEM, type RequestHeader, type Route, TEXT } from './route.js';

export const URGENCY_HEADERS = {
  'x-request-id': {
    description:
      'Names the request in answers and logs: up to 128 letters, digits and .:@/+=_-; by default, and for any other, a new one.',
    schema: TEXT,
  },
  'x-timeout-ms': {
    description: 'Milliseconds after which the answer is of no use; at most serve.requestTimeoutMs.',
    schema: { type: 'integer', minimum: 1 },
  },
  'x-priority': {
    description: 'Whose images leave the queue first.',
    schema: { type: 'string', enum: PRIORITIES },
  },
  traceparent: { description: 'The trace that the request belongs to (W3C Trace Context).', schema: TEXT },
} satisfies Record<string, RequestHeader>;

export const PREDICTION_HEADERS = {
  ...URGENCY_HEADERS,
  'x-sticky-key': {
    description:
      'Requests with the same one go to the same version while there is a canary; by default, those of one address.',
    schema: TEXT,
  },
} satisfies Record<string, RequestHeader>;

const prediction = {
  method: 'POST',
  group: 'Predictions',
  access: 'predict',
  isPrediction: true,
  query: predictQuerySchema,
  headers: PREDICTION_HEADERS,
  errors: [404, 413, 415, 422, 502, 503, 504],
  error: PROBLEM,
} as const;
const encodedImage = { 'application/octet-stream': BYTES, 'image/*': BYTES };

export const PREDICT = {
  ...prediction,
  path: '/predict',
  summary: 'Classifies one image.',
  body: { ...json(predictRequestSchema), ...encodedImage, 'multipart/form-data': predictFormSchema },
  answer: json(predictAnswerSchema),
} satisfies Route;

export const PREDICT_BATCH = {
  ...prediction,
  path: '/predict/batch',
  summary: 'Classifies several images; where one is at fault, its error stands in its place.',
  body: { ...json(batchRequestSchema), ...encodedImage, 'multipart/form-data': batchFormSchema },
  answer: json(batchAnswerSchema),
} satisfies Route;

declare module 'fastify' {
  interface FastifyRequest {
    /** Of `/predict` and `/predict/batch`. */
    predictionQuery: PredictionQuery;
  }
}

/** `POST /predict` and `POST /predict/batch`. */
export async function addPredictionRoutes(app: FastifyInstance, scope: ServingScope): Promise<void> {
  const { limits } = scope;
  const onRequest = [admitRequests(scope), checkQuery(scope)];
  await app.register(async (app) => {
    takeBodies(app, PREDICT.body);
    app.decorateRequest('predictionQuery');
    addRoute(app, PREDICT, {
      onRequest,
      handler: async (request) => {
        const { body, predictionQuery } = request;
        const { images, topK = limits.topK, include, model } = readImage(body, predictionQuery);
        return classifyImage(scope, images[0]!, {
          requestId: request.id,
          record: request.record,
          topK,
          include,
          model,
          urgency: request.urgency,
        });
      },
    });
    addRoute(app, PREDICT_BATCH, {
      onRequest,
      handler: async (request) => {
        const { body, predictionQuery } = request;
        const {
          images,
          topK = limits.topK,
          include,
          model,
        } = readImages(body, predictionQuery, limits.maxBatch);
        return classifyEach(scope, images, {
          requestId: request.id,
          record: request.record,
          topK,
          include,
          model,
          urgency: request.urgency,
        });
      },
    });
  });
}

/** Refuses what is wrong with a query before the body comes, also a model or a version that is not there. */
function checkQuery({ models }: ServingScope): onRequestHookHandler {
  return (request, _, done) => {
    const query = readQuery(request);
    checkVersion(models, query.model);
    request.predictionQuery = query;
    done();
  };
}

/** @throws {RobleError} `ROBLE_MODEL_UNKNOWN` for a version that is not loaded */
export function checkVersion(models: ServedModels, { name, version }: ModelChoice): void {
  if (version !== undefined) models.find(name).versionOf(version);
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Of a request for a prediction, which may take its time from when its headers came. */
    urgency: Urgency;
  }
}

/**
 * The hook of the routes that ask a model: notes how urgent a request is, and refuses it while the server is full, before
 * its body is read: under overload, reading what is refused would take the time that answers need.
 *
 * @param fixed what of the urgency is not the client's to say
 */
export function admitRequests(
  { admission, limits }: ServingScope,
  fixed: Pick<Urgency, 'priority'> = {},
): onRequestHookHandler {
  return (request, reply, done) => {
    request.urgency = { ...urgencyOf(request, reply, limits.requestTimeoutMs), ...fixed };
    admission.check({ model: modelOf(request), priority: request.urgency.priority });
    done();
  };
}

/** The model that a path or a query names. */
function modelOf({ params, query }: FastifyRequest): string | undefined {
  const { name } = params as { name?: string };
  const { model } = query as { model?: unknown };
  return name ?? (typeof model === 'string' ? model : undefined);
}

/** What is wanted besides an answer for the images. */
interface Settings {
  readonly topK?: number | undefined;
  readonly include?: readonly Inclusion[] | undefined;
}

/** What the query of a request says. */
export interface PredictionQuery extends Settings {
  readonly model: ModelChoice;
}

export interface PredictionRequest extends PredictionQuery {
  readonly images: readonly ReceivedImage[];
}

/** @throws {RobleError} `ROBLE_REQUEST_INVALID` */
function readQuery(request: FastifyRequest): PredictionQuery {
  const stickyKey = stickyKeyOf(request);
  // Most requests have none.
  if (Object.keys(request.query as object).length === 0) return { model: { stickyKey } };
  const { model: name, version, ...settings } = checkedRequest(predictQuerySchema, request.query);
  return { ...settings, model: { name, version, stickyKey } };
}

/** The picture of a body of any accepted form; nothing is decoded yet. */
function readImage(given: unknown, query: PredictionQuery): PredictionRequest {
  const { image, said } = readOneImage<Settings>(given, PREDICT_REQUESTS, formFieldsSchema);
  return together([image], query, said);
}

/** The pictures of a body of any accepted form, at least one; nothing is decoded yet. */
function readImages(given: unknown, query: PredictionQuery, maxBatch: number): PredictionRequest {
  const encoded = encodedImages<Settings>(given, ['image', 'images'], formFieldsSchema);
  if (encoded) return together(checkCount(encoded.images, maxBatch), query, encoded.said);
  const body = requestObject(given);
  const form = onlyForm(body, BATCH_REQUESTS);
  if (!form)
    throw invalid('The body must hold a list of images.', {
      received: keysOf(body),
      expected:
        'one of "images" (list of base64 or data URLs), "pixels" (list of images as numbers) and "drawings" (list of strokes)',
    });
  const { topK, include, ...pictures } = checkedRequest(BATCH_REQUESTS[form], body);
  return together(checkCount(imagesOf(pictures), maxBatch), query, { topK, include });
}

function imagesOf(
  given:
    | { readonly images: readonly string[] }
    | { readonly pixels: readonly unknown[] }
    | { readonly drawings: readonly Record<string, unknown>[] },
): ReceivedImage[] {
  if ('images' in given) return given.images.map((base64) => ({ base64 }));
  if ('pixels' in given) return given.pixels.map((pixels) => ({ pixels }));
  return given.drawings.map((drawing) => ({ drawing }));
}

/** Whose requests go to the same version: who the client says it is, or else its address. */
export function stickyKeyOf(request: FastifyRequest): () => string {
  const given = request.headers['x-sticky-key'];
  return () => (typeof given === 'string' && given !== '' ? given : request.clientAddress);
}

/** What the query says and what the body says: inclusions add up, and the rest must not differ. */
function together(
  images: readonly ReceivedImage[],
  query: PredictionQuery,
  body: Settings,
): PredictionRequest {
  if (query.topK !== undefined && body.topK !== undefined && query.topK !== body.topK)
    throw invalid('The query and the body want different things.', {
      received: `topK ${query.topK} in the query, ${body.topK} in the body`,
      expected: 'one of them, or the same in both',
    });
  return {
    images,
    topK: body.topK ?? query.topK,
    include: [...(query.include ?? []), ...(body.include ?? [])],
    model: query.model,
  };
}

function checkCount(images: readonly ReceivedImage[], maxBatch: number): readonly ReceivedImage[] {
  if (images.length === 0) throw invalid('The batch is empty.', { expected: 'at least one image' });
  if (images.length > maxBatch)
    throw new RobleError('ROBLE_REQUEST_TOO_LARGE', 'The batch has more images than serve.maxBatch allows.', {
      received: images.length,
      expected: `at most ${maxBatch}`,
    });
  return images;
}

function invalid(message: string, details: { received?: unknown; expected: string }): RobleError {
  return new RobleError('ROBLE_REQUEST_INVALID', message, details);
}
