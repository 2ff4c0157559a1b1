import type { FastifyInstance, onRequestHookHandler } from 'fastify';
import { admitRequests } from './admit-requests.js';
import { takeBodies } from '../request/body-types.js';
import { classifyEach, classifyImage } from '../classify/classify.js';
import { type PredictionQuery, readImage, readImages, readQuery } from './read-images.js';
import type { ServingScope } from '../classify/serving-scope.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Of `/predict` and `/predict/batch`. */
    predictionQuery: PredictionQuery;
  }
}

/** `POST /predict` and `POST /predict/batch`. */
export async function addPredictionRoutes(app: FastifyInstance, scope: ServingScope): Promise<void> {
  const { options } = scope;
  const onRequest = [admitRequests(scope), checkQuery(scope)];
  await app.register(async (app) => {
    takeBodies(app, ['image/*', 'application/octet-stream', 'multipart/form-data', 'application/json']);
    app.decorateRequest('predictionQuery');
    app.post('/predict', { onRequest }, async (request) => {
      const { body, predictionQuery } = request;
      const { images, topK = options.topK, ...wish } = readImage(body, predictionQuery);
      return classifyImage(scope, images[0]!, {
        requestId: request.id,
        record: request.record,
        topK,
        ...wish,
        urgency: request.urgency,
      });
    });
    app.post('/predict/batch', { onRequest }, async (request) => {
      const { body, predictionQuery } = request;
      const { images, topK = options.topK, ...wish } = readImages(body, predictionQuery, options.maxBatch);
      return classifyEach(scope, images, {
        requestId: request.id,
        record: request.record,
        topK,
        ...wish,
        urgency: request.urgency,
      });
    });
  });
}

/** Refuses what is wrong with a query before the body comes, also a model or a version that is not there. */
function checkQuery({ models }: ServingScope): onRequestHookHandler {
  return (request, _, done) => {
    const query = readQuery(request);
    const { name, version } = query.model;
    if (version !== undefined) models.find(name).versionOf(version);
    request.predictionQuery = query;
    done();
  };
}
