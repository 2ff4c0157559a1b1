import { topPredictions } from '../predict/top-predictions.js';
import type { Answer, BatchAnswer, PredictAnswer } from './answer-schemas.js';
import type { AnsweredImage } from './answered-image.js';
import type { ServedModel } from './model-manager.js';
import { type ProblemDetails, problemOf } from './problem.js';
import { type ReceivedImage, toModelPixels } from './received-image.js';
import type { Inclusion } from './request-schemas.js';
import type { ServingScope } from './serving-scope.js';
import { checkWanted, type Urgency } from './urgency.js';

/** What a request wants besides its images. */
export interface PredictionWish {
  readonly requestId: string;
  readonly topK: number;
  readonly urgency: Urgency;
  readonly include?: readonly Inclusion[];
}

/** Answers for one image. */
export async function classifyImage(
  scope: ServingScope,
  image: ReceivedImage,
  wish: PredictionWish,
): Promise<PredictAnswer> {
  const model = scope.models.current;
  const [answered] = await classifyAll(scope, model, [image], wish);
  return { requestId: wish.requestId, ...toAnswer(answered!, wish), model: model.label };
}

/** Answers for several images, all by one model; one that is at fault is told so in its place. */
export async function classifyEach(
  scope: ServingScope,
  images: readonly ReceivedImage[],
  wish: PredictionWish,
): Promise<BatchAnswer> {
  const model = scope.models.current;
  const results = await answerTogether(scope, model, images, (image, index) =>
    answerOneOfMany(scope, model, image, index, wish),
  );
  return { requestId: wish.requestId, results, model: model.label };
}

/** Answers for several images, all by the model that is given; one that is at fault fails all. */
export function classifyAll(
  scope: ServingScope,
  model: ServedModel,
  images: readonly ReceivedImage[],
  wish: PredictionWish,
): Promise<AnsweredImage[]> {
  return answerTogether(scope, model, images, (image, index) =>
    answerImage(scope, model, image, index, wish),
  );
}

/** Takes the images in hand, all or none, and the model, which stays until all are answered. */
async function answerTogether<T>(
  { admission, statistics }: ServingScope,
  model: ServedModel,
  images: readonly ReceivedImage[],
  answer: (image: ReceivedImage, index: number) => Promise<T>,
): Promise<T[]> {
  const answers = await admission.run(images.length, () => model.use(() => Promise.all(images.map(answer))));
  statistics.images(images.length);
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
