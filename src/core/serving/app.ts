import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ServeOptions } from '../config/schema.js';
import { RobleError } from '../errors.js';
import type { ModelBundle } from '../model/bundle.js';
import { type Prediction, topPredictions } from '../predict/top-predictions.js';
import type { Admission } from './admission.js';
import type { AnswerCache, AnswerSource } from './cache/answer-cache.js';
import type { InferencePool } from './inference-pool.js';
import { type ProblemDetails, problemOf } from './problem.js';
import { readImage, readImages } from './read-images.js';
import { type ReceivedImage, toModelPixels } from './received-image.js';
import { urgencyOf } from './request-urgency.js';
import { ServerStatistics } from './statistics.js';
import { checkWanted, type Urgency } from './urgency.js';

/** What the routes work with. */
export interface ServingScope {
  readonly bundle: ModelBundle;
  readonly pool: InferencePool;
  readonly cache: AnswerCache;
  readonly admission: Admission;
  readonly options: ServeOptions;
  readonly isStopping: () => boolean;
  /** Told what an answer keeps to itself. */
  readonly warn: (message: string) => void;
}

interface Answer {
  readonly predictions: readonly Prediction[];
  readonly source: AnswerSource;
  readonly timings: { readonly decodeMs: number; readonly inferenceMs: number };
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** The HTTP application: routes, limits and error answers. It does not listen yet. */
export async function createApp(scope: ServingScope): Promise<FastifyInstance> {
  const { options, isStopping } = scope;
  const { default: fastify } = await import('fastify');
  const { default: multipart } = await import('@fastify/multipart');
  const app = fastify({
    bodyLimit: options.maxBodyBytes,
    // While it stops, the server still answers what reaches it.
    return503OnClosing: false,
    // Errors that come before the routes, such as a path that cannot be decoded.
    frameworkErrors: (error, _, reply) => void sendProblem(reply, error, scope),
  });
  await app.register(multipart, {
    limits: { fileSize: options.maxBodyBytes, files: options.maxBatch, fields: 16 },
  });
  app.removeContentTypeParser('text/plain');
  app.addContentTypeParser(
    /^(image\/|application\/octet-stream)/,
    { parseAs: 'buffer' },
    async (_: unknown, body: Buffer) => body,
  );

  const statistics = new ServerStatistics();
  app.addHook('onSend', async (_, reply) => {
    // A client that keeps its connection would hold the stop up.
    if (isStopping()) reply.header('connection', 'close');
  });
  app.addHook('onResponse', async (request, reply) => {
    if (request.routeOptions.url?.startsWith('/predict'))
      statistics.request(reply.statusCode, reply.elapsedTime);
  });
  app.setErrorHandler((error, _, reply) => sendProblem(reply, error, scope));
  app.setNotFoundHandler((request, reply) => refuseRoute(app, request, reply));
  addPredictionRoutes(app, scope, statistics);
  addStateRoutes(app, scope, statistics);
  return app;
}

function addPredictionRoutes(app: FastifyInstance, scope: ServingScope, statistics: ServerStatistics): void {
  const { bundle, admission, options } = scope;
  const model = { name: bundle.manifest.name, digest: bundle.digest };
  app.post('/predict', async (request, reply) => {
    const urgency = urgencyOf(request, reply, options.requestTimeoutMs);
    const { images, topK = options.topK } = await readImage(request, options.maxBodyBytes);
    const answer = await admission.run(1, () => classify(scope, images[0]!, topK, urgency));
    statistics.images(1);
    return { ...answer, model };
  });
  app.post('/predict/batch', async (request, reply) => {
    const { maxBodyBytes, maxBatch } = options;
    const urgency = urgencyOf(request, reply, options.requestTimeoutMs);
    const { images, topK = options.topK } = await readImages(request, maxBodyBytes, maxBatch);
    const results = await admission.run(images.length, () =>
      Promise.all(images.map((image) => classifyOneOfMany(scope, image, topK, urgency))),
    );
    statistics.images(results.length);
    return { results, model };
  });
}

async function classify(
  { bundle, pool, cache, options }: ServingScope,
  image: ReceivedImage,
  topK: number,
  urgency: Urgency,
): Promise<Answer> {
  checkWanted(urgency);
  const started = performance.now();
  const pixels = await toModelPixels(image, bundle.manifest.preprocessing, options.maxPixels);
  checkWanted(urgency);
  const decoded = performance.now();
  const { probabilities, source } = await cache.answer(pixels, urgency, (all) => pool.predict(pixels, all));
  const timings = { decodeMs: decoded - started, inferenceMs: performance.now() - decoded };
  return { predictions: topPredictions(probabilities, bundle.classes, topK), source, timings };
}

/** An image that is at fault is told so in its place; a server that cannot answer refuses the whole batch. */
async function classifyOneOfMany(
  scope: ServingScope,
  image: ReceivedImage,
  topK: number,
  urgency: Urgency,
): Promise<Answer | { error: ProblemDetails }> {
  try {
    return await classify(scope, image, topK, urgency);
  } catch (error) {
    const problem = problemOf(error);
    if (problem.status >= 499) throw error;
    return { error: problem };
  }
}

function addStateRoutes(
  app: FastifyInstance,
  { bundle, pool, cache, admission, options, isStopping }: ServingScope,
  statistics: ServerStatistics,
): void {
  app.get('/health/live', async () => ({ status: 'live' }));
  app.get('/health/ready', async () => {
    if (isStopping()) throw new RobleError('ROBLE_SERVER_NOT_READY', 'The server is stopping.');
    if (pool.readyWorkers === 0)
      throw new RobleError('ROBLE_SERVER_NOT_READY', 'No inference process is ready.');
    return { status: 'ready' };
  });
  app.get('/stats', async () => ({
    ...statistics.toJSON(),
    batches: pool.batches,
    queue: {
      waiting: pool.queueLength,
      inHand: admission.inHand,
      limit: admission.limit,
      dropped: pool.dropped,
    },
    cache,
    workers: {
      wanted: options.workers,
      ready: pool.readyWorkers,
      restarts: pool.restarts,
      processIds: pool.processIds,
    },
    model: {
      name: bundle.manifest.name,
      digest: bundle.digest,
      classes: bundle.classes,
      input: bundle.input,
    },
  }));
}

function sendProblem(
  reply: FastifyReply,
  error: unknown,
  { pool, admission, warn }: ServingScope,
): FastifyReply {
  const problem = problemOf(error);
  if (problem.status === 500) warn((error as Error).stack ?? String(error));
  // Half of what is in hand will be answered by then: who comes back finds room.
  if (problem.status === 429 || problem.status === 503)
    reply.header('retry-after', Math.max(1, Math.ceil(pool.estimateMs(admission.inHand / 2) / 1000)));
  // The rest of a body that is too large is not read.
  if (problem.status === 413) reply.header('connection', 'close');
  return reply.code(problem.status).type('application/problem+json').send(problem);
}

/** 405 where another method would do, else 404. */
function refuseRoute(app: FastifyInstance, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const url = request.url.split('?')[0]!;
  const allowed = METHODS.filter((method) => app.hasRoute({ method, url }));
  const status = allowed.length > 0 ? 405 : 404;
  const error = new RobleError('ROBLE_ROUTE_UNKNOWN', `There is no ${request.method} ${url}.`, {
    received: `${request.method} ${url}`,
    expected:
      allowed.join(', ') ||
      'POST /predict, POST /predict/batch, GET /stats, GET /health/live, GET /health/ready',
  });
  if (allowed.length > 0) reply.header('allow', allowed.join(', '));
  return reply
    .code(status)
    .type('application/problem+json')
    .send({ ...problemOf(error), status });
}
