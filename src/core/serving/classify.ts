import { topPredictions } from '../predict/top-predictions.js';
import type { Answer, BatchAnswer, PredictAnswer } from './answer-schemas.js';
import type { AnsweredImage } from './answered-image.js';
import type { ServedModel } from './models/served-model.js';
import type { ModelChoice } from './models/served-models.js';
import { type ProblemDetails, problemOf } from './problem.js';
import { type ReceivedImage, toModelPixels } from './received-image.js';
import type { RequestRecord } from './request-record.js';
import type { Inclusion } from './request-schemas.js';
import type { ServingScope } from './serving-scope.js';
import { checkWanted, type Urgency } from './urgency.js';

/** What a request wants besides its images. */
export interface PredictionWish {
  readonly requestId: string;
  readonly model: ModelChoice;
  /** Takes down what becomes of the images: `request.record`. */
  readonly record: RequestRecord;
  readonly topK: number;
  readonly urgency: Urgency;
  readonly include?: readonly Inclusion[];
}

/** Answers for one image. */
export function classifyImage(
  scope: ServingScope,
  image: ReceivedImage,
  wish: PredictionWish,
): Promise<PredictAnswer> {
  return answerTogether(scope, wish, 1, async (model) => {
    const answered = await answerImage(scope, model, image, 0, wish);
    return { requestId: wish.requestId, ...toAnswer(answered, wish), model: model.label };
  });
}

/** Answers for several images, all by one model; one that is at fault is told so in its place. */
export function classifyEach(
  scope: ServingScope,
  images: readonly ReceivedImage[],
  wish: PredictionWish,
): Promise<BatchAnswer> {
  return answerTogether(scope, wish, images.length, async (model) => {
    const results = images.map((image, index) => answerOneOfMany(scope, model, image, index, wish));
    return { requestId: wish.requestId, results: await Promise.all(results), model: model.label };
  });
}

/** Answers for several images, in the form that the model takes; one that is at fault fails all. */
export function classifyAll(
  scope: ServingScope,
  count: number,
  imagesFor: (model: ServedModel) => readonly ReceivedImage[],
  wish: PredictionWish,
): Promise<{ model: ServedModel; answers: AnsweredImage[] }> {
  return answerTogether(scope, wish, count, async (model) => {
    const answers = imagesFor(model).map((image, index) => answerImage(scope, model, image, index, wish));
    return { model, answers: await Promise.all(answers) };
  });
}

/** Takes the images in hand, all or none, and the model, which stays until all are answered. */
async function answerTogether<T>(
  { admission, models, statistics }: ServingScope,
  wish: PredictionWish,
  count: number,
  answer: (model: ServedModel) => Promise<T>,
): Promise<T> {
  const { record } = wish;
  const answers = await admission.run(count, () =>
    models.use(wish.model, (model) => {
      // What a canary began counts for nothing when the stable model has to do it again.
      Object.assign(record, { images: 0, refusedImages: [], model: model.label });
      return answer(model);
    }),
  );
  statistics.images(count);
  return answers;
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
    return toAnswer(await answerImage(scope, model, image, index, wish), wish);
  } catch (error) {
    const problem = problemOf(error);
    if (problem.status >= 499) throw error;
    wish.record.refusedImages.push(problem.code);
    return { error: problem };
  }
}

async function answerImage(
  { cache, options, listeners }: ServingScope,
  model: ServedModel,
  image: ReceivedImage,
  index: number,
  { requestId, record, topK, urgency }: PredictionWish,
): Promise<AnsweredImage> {
  const { bundle, pool } = model;
  checkWanted(urgency);
  const started = performance.now();
  const pixels = await toModelPixels(image, bundle.manifest.preprocessing, options.maxPixels);
  checkWanted(urgency);
  const decoded = performance.now();
  const { probabilities, source, queueMs, inferenceMs } = await cache.answer(bundle, pixels, urgency, (all) =>
    pool.predict(pixels, all),
  );
  record.images++;
  const answered = {
    requestId,
    trace: record.trace,
    index,
    at: new Date(),
    model,
    pixels,
    probabilities,
    predictions: topPredictions(probabilities, bundle.classes, topK),
    source,
    timings: {
      decodeMs: decoded - started,
      queueMs,
      inferenceMs,
      totalMs: performance.now() - started,
    },
  };
  for (const listener of listeners) listener(answered);
  return answered;
}

function toAnswer(answered: AnsweredImage, { include }: PredictionWish): Answer {
  const { predictions, source, timings } = answered;
  return {
    predictions: [...predictions],
    source,
    timings,
    ...(include?.includes('input') && { input: inputOf(answered) }),
  };
}

function inputOf({ model, pixels }: AnsweredImage): Answer['input'] {
  const { width, height, channels } = model.bundle.manifest.preprocessing;
  return { width, height, channels, pixels: Buffer.from(pixels).toString('base64') };
}
