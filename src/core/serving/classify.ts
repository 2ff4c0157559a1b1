import { type Prediction, topPredictions } from '../predict/top-predictions.js';
import type { AnsweredImage } from './answered-image.js';
import type { ServedModel } from './model-manager.js';
import { type ProblemDetails, problemOf } from './problem.js';
import { type ReceivedImage, toModelPixels } from './received-image.js';
import type { ServingScope } from './serving-scope.js';
import { checkWanted, type Urgency } from './urgency.js';

/** What a request wants besides its images. */
export interface PredictionWish {
  readonly requestId: string;
  readonly topK: number;
  readonly urgency: Urgency;
}

/** How an answer is sent. */
export interface Answer {
  readonly predictions: readonly Prediction[];
  readonly source: AnsweredImage['source'];
  readonly timings: AnsweredImage['timings'];
}

export type ModelLabel = ServedModel['label'];

/** Answers for one image. */
export async function classifyImage(
  scope: ServingScope,
  image: ReceivedImage,
  wish: PredictionWish,
): Promise<Answer & { requestId: string; model: ModelLabel }> {
  const { models, admission } = scope;
  const answer = await admission.run(1, () =>
    models.use(async (model) => ({
      requestId: wish.requestId,
      ...toAnswer(await answerImage(scope, model, image, 0, wish)),
      model: model.label,
    })),
  );
  scope.statistics.images(1);
  return answer;
}

/** Answers for several images, all by one model; one that is at fault is told so in its place. */
export async function classifyEach(
  scope: ServingScope,
  images: readonly ReceivedImage[],
  wish: PredictionWish,
): Promise<{ requestId: string; results: (Answer | { error: ProblemDetails })[]; model: ModelLabel }> {
  const { models, admission } = scope;
  const answer = await admission.run(images.length, () =>
    models.use(async (model) => ({
      requestId: wish.requestId,
      results: await Promise.all(
        images.map((image, index) => answerOneOfMany(scope, model, image, index, wish)),
      ),
      model: model.label,
    })),
  );
  scope.statistics.images(images.length);
  return answer;
}

/** An image that is at fault is told so in its place; a server that cannot answer refuses the whole batch. */
async function answerOneOfMany(
  scope: ServingScope,
  model: ServedModel,
  image: ReceivedImage,
  index: number,
  wish: PredictionWish,
): Promise<Answer | { error: ProblemDetails }> {
  try {
    return toAnswer(await answerImage(scope, model, image, index, wish));
  } catch (error) {
    const problem = problemOf(error);
    if (problem.status >= 499) throw error;
    return { error: problem };
  }
}

async function answerImage(
  { cache, options, listeners }: ServingScope,
  model: ServedModel,
  image: ReceivedImage,
  index: number,
  { requestId, topK, urgency }: PredictionWish,
): Promise<AnsweredImage> {
  const { bundle, pool } = model;
  checkWanted(urgency);
  const started = performance.now();
  const pixels = await toModelPixels(image, bundle.manifest.preprocessing, options.maxPixels);
  checkWanted(urgency);
  const decoded = performance.now();
  const { probabilities, source } = await cache.answer(bundle, pixels, urgency, (all) =>
    pool.predict(pixels, all),
  );
  const answered = {
    requestId,
    index,
    at: new Date(),
    model,
    pixels,
    probabilities,
    predictions: topPredictions(probabilities, bundle.classes, topK),
    source,
    timings: { decodeMs: decoded - started, inferenceMs: performance.now() - decoded },
  };
  for (const listener of listeners) listener(answered);
  return answered;
}

function toAnswer({ predictions, source, timings }: AnsweredImage): Answer {
  return { predictions, source, timings };
}
