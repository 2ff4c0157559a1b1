import type { FastifyInstance } from 'fastify';
import { classifyEach, classifyImage } from './classify.js';
import { readImage, readImages } from './read-images.js';
import { urgencyOf } from './request-urgency.js';
import type { ServingScope } from './serving-scope.js';

/** `POST /predict` and `POST /predict/batch`. */
export function addPredictionRoutes(app: FastifyInstance, scope: ServingScope): void {
  const { options } = scope;
  app.post('/predict', async (request, reply) => {
    const urgency = urgencyOf(request, reply, options.requestTimeoutMs);
    const { images, topK = options.topK, ...wish } = await readImage(request, options.maxBodyBytes);
    return classifyImage(scope, images[0]!, {
      requestId: request.id,
      record: request.record,
      topK,
      ...wish,
      urgency,
    });
  });
  app.post('/predict/batch', async (request, reply) => {
    const { maxBodyBytes, maxBatch } = options;
    const urgency = urgencyOf(request, reply, options.requestTimeoutMs);
    const { images, topK = options.topK, ...wish } = await readImages(request, maxBodyBytes, maxBatch);
    return classifyEach(scope, images, {
      requestId: request.id,
      record: request.record,
      topK,
      ...wish,
      urgency,
    });
  });
}
