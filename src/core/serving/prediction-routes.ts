import type { FastifyInstance } from 'fastify';
import { admitRequests } from './admit-requests.js';
import { classifyEach, classifyImage } from './classify.js';
import { readImage, readImages } from './read-images.js';
import type { ServingScope } from './serving-scope.js';

/** `POST /predict` and `POST /predict/batch`. */
export function addPredictionRoutes(app: FastifyInstance, scope: ServingScope): void {
  const { options } = scope;
  const onRequest = admitRequests(scope);
  app.post('/predict', { onRequest }, async (request) => {
    const { images, topK = options.topK, ...wish } = await readImage(request, options.maxBodyBytes);
    return classifyImage(scope, images[0]!, {
      requestId: request.id,
      record: request.record,
      topK,
      ...wish,
      urgency: request.urgency,
    });
  });
  app.post('/predict/batch', { onRequest }, async (request) => {
    const { maxBodyBytes, maxBatch } = options;
    const { images, topK = options.topK, ...wish } = await readImages(request, maxBodyBytes, maxBatch);
    return classifyEach(scope, images, {
      requestId: request.id,
      record: request.record,
      topK,
      ...wish,
      urgency: request.urgency,
    });
  });
}
