import type { FastifyInstance } from 'fastify';
import { type Prediction, topPredictions } from '../predict/top-predictions.js';
import type { AnswerSource } from './cache/answer-cache.js';
import type { ServedModel } from './model-manager.js';
import { type ProblemDetails, problemOf } from './problem.js';
import { readImage, readImages } from './read-images.js';
import { type ReceivedImage, toModelPixels } from './received-image.js';
import { urgencyOf } from './request-urgency.js';
import type { ServingScope } from './serving-scope.js';
import { checkWanted, type Urgency } from './urgency.js';

interface Answer {
  readonly predictions: readonly Prediction[];
  readonly source: AnswerSource;
  readonly timings: { readonly decodeMs: number; readonly inferenceMs: number };
}

/** `POST /predict` and `POST /predict/batch`. */
export function addPredictionRoutes(app: FastifyInstance, scope: ServingScope): void {
  const { models, admission, options, statistics } = scope;
  app.post('/predict', async (request, reply) => {
    const urgency = urgencyOf(request, reply, options.requestTimeoutMs);
    const { images, topK = options.topK } = await readImage(request, options.maxBodyBytes);
    const answer = await admission.run(1, () =>
      models.use(async (model) => ({
        ...(await classify(scope, model, images[0]!, topK, urgency)),
        model: model.label,
      })),
    );
    statistics.images(1);
    return answer;
  });
  app.post('/predict/batch', async (request, reply) => {
    const { maxBodyBytes, maxBatch } = options;
    const urgency = urgencyOf(request, reply, options.requestTimeoutMs);
    const { images, topK = options.topK } = await readImages(request, maxBodyBytes, maxBatch);
    const answer = await admission.run(images.length, () =>
      models.use(async (model) => ({
        results: await Promise.all(
          images.map((image) => classifyOneOfMany(scope, model, image, topK, urgency)),
        ),
        model: model.label,
      })),
    );
    statistics.images(images.length);
    return answer;
  });
}

async function classify(
  { cache, options }: ServingScope,
  { bundle, pool }: ServedModel,
  image: ReceivedImage,
  topK: number,
  urgency: Urgency,
): Promise<Answer> {
  checkWanted(urgency);
  const started = performance.now();
  const pixels = await toModelPixels(image, bundle.manifest.preprocessing, options.maxPixels);
  checkWanted(urgency);
  const decoded = performance.now();
  const { probabilities, source } = await cache.answer(bundle, pixels, urgency, (all) =>
    pool.predict(pixels, all),
  );
  const timings = { decodeMs: decoded - started, inferenceMs: performance.now() - decoded };
  return { predictions: topPredictions(probabilities, bundle.classes, topK), source, timings };
}

/** An image that is at fault is told so in its place; a server that cannot answer refuses the whole batch. */
async function classifyOneOfMany(
  scope: ServingScope,
  model: ServedModel,
  image: ReceivedImage,
  topK: number,
  urgency: Urgency,
): Promise<Answer | { error: ProblemDetails }> {
  try {
    return await classify(scope, model, image, topK, urgency);
  } catch (error) {
    const problem = problemOf(error);
    if (problem.status >= 499) throw error;
    return { error: problem };
  }
}
