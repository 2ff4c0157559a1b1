import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ServeOptions } from '../config/schema.js';
import { RobleError } from '../errors.js';
import type { ModelBundle } from '../model/bundle.js';
import { topPredictions } from '../predict/top-predictions.js';
import type { InferencePool } from './inference-pool.js';
import { problemOf } from './problem.js';
import { type ReceivedImage, readImages, toModelPixels } from './read-images.js';
import { ServerStatistics } from './statistics.js';

/** What the routes work with. */
export interface ServingScope {
  readonly bundle: ModelBundle;
  readonly pool: InferencePool;
  readonly options: ServeOptions;
  readonly isStopping: () => boolean;
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** The HTTP application: routes, limits and error answers. It does not listen yet. */
export async function createApp(scope: ServingScope): Promise<FastifyInstance> {
  const { options, isStopping } = scope;
  const { default: fastify } = await import('fastify');
  const { default: multipart } = await import('@fastify/multipart');
  const app = fastify({
    bodyLimit: options.maxBodyBytes,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
  });
  await app.register(multipart, {
    limits: { fileSize: options.maxBodyBytes, files: options.maxBatch, fields: 16 },
  });
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
  app.setErrorHandler((error, _, reply) => sendProblem(reply, error));
  app.setNotFoundHandler((request, reply) => refuseRoute(app, request, reply));
  addPredictionRoutes(app, scope, statistics);
  addStateRoutes(app, scope, statistics);
  return app;
}

function addPredictionRoutes(app: FastifyInstance, scope: ServingScope, statistics: ServerStatistics): void {
  const { bundle, options } = scope;
  const model = { name: bundle.manifest.name, digest: bundle.digest };
  app.post('/predict', async (request) => {
    const { images, topK } = await readImages(request, false);
    if (images.length !== 1)
      throw new RobleError('ROBLE_REQUEST_INVALID', '/predict takes one image.', {
        received: images.length,
        expected: '1; several go to /predict/batch',
      });
    const answer = await classify(scope, images[0]!, topK ?? options.topK);
    statistics.images(1);
    return { ...answer, model };
  });
  app.post('/predict/batch', async (request) => {
    const { images, topK } = await readImages(request, true);
    if (images.length > options.maxBatch)
      throw new RobleError('ROBLE_REQUEST_TOO_LARGE', 'The batch has too many images.', {
        received: images.length,
        expected: `at most ${options.maxBatch}`,
      });
    const results = await Promise.all(
      images.map((image) =>
        classify(scope, image, topK ?? options.topK).catch((error) => ({ error: problemOf(error) })),
      ),
    );
    statistics.images(results.length);
    return { results, model };
  });
}

async function classify({ bundle, pool, options }: ServingScope, image: ReceivedImage, topK: number) {
  const started = performance.now();
  const pixels = await toModelPixels(image, bundle.manifest.preprocessing, options.maxPixels);
  const decoded = performance.now();
  const probabilities = await pool.predict(pixels);
  const timings = { decodeMs: decoded - started, inferenceMs: performance.now() - decoded };
  return { predictions: topPredictions(probabilities, bundle.classes, topK), timings };
}

function addStateRoutes(
  app: FastifyInstance,
  { bundle, pool, options, isStopping }: ServingScope,
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
    queueLength: pool.queueLength,
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

function sendProblem(reply: FastifyReply, error: unknown): FastifyReply {
  const problem = problemOf(error);
  if (problem.status === 429 || problem.status === 503) reply.header('retry-after', '1');
  return reply.code(problem.status).type('application/problem+json').send(problem);
}

/** 405 where another method would do, else 404. */
function refuseRoute(app: FastifyInstance, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const url = request.url.split('?')[0]!;
  const allowed = METHODS.filter((method) => app.hasRoute({ method, url }));
  const error = new RobleError('ROBLE_ROUTE_UNKNOWN', `There is no ${request.method} ${url}.`, {
    received: `${request.method} ${url}`,
    expected:
      allowed.length > 0
        ? allowed.join(', ')
        : '/predict, /predict/batch, /stats, /health/live, /health/ready',
  });
  if (allowed.length === 0) return sendProblem(reply, error);
  const problem = { ...problemOf(error), status: 405 };
  return reply.code(405).header('allow', allowed.join(', ')).type('application/problem+json').send(problem);
}
