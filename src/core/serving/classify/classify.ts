import type { ErrorCode } from '../../base/errors.js';
import { topPredictions } from '../../predict/top-predictions.js';
import type { Admitted } from '../admission/admission.js';
import type { AnsweredImage } from '../models/answered-image.js';
import type { ServedModel } from '../models/served-model.js';
import type { ModelChoice } from '../models/served-models.js';
import { type ProblemDetails, problemOf } from '../request/problem.js';
import type { RequestRecord } from '../request/record.js';
import type { Answer, BatchAnswer, Inclusion, PredictAnswer } from '../request/schemas.js';
import { checkWanted, type Urgency } from '../request/urgency.js';
import { type ReceivedImage, toModelPixels } from './received-image.js';
import type { ServingScope } from './serving-scope.js';

/** What a request wants besides its images. */
export interface PredictionWish {
  readonly requestId: string;
  readonly model: ModelChoice;
  /** Takes down what becomes of the images: `request.record`. */
  readonly record: RequestRecord;
  readonly topK: number;
  readonly urgency: Urgency;
  readonly include?: readonly Inclusion[] | undefined;
}

/** Answers for one image. */
export function classifyImage(
  scope: ServingScope,
  image: ReceivedImage,
  wish: PredictionWish,
): Promise<PredictAnswer> {
  return answerTogether(scope, wish, 1, async (model, { answer }) => {
    const answered = await answer(image, 0);
    return { requestId: wish.requestId, ...toAnswer(answered, wish), model: model.label };
  });
}

/** Answers for several images, all by one model; one that is at fault is told so in its place. */
export function classifyEach(
  scope: ServingScope,
  images: readonly ReceivedImage[],
  wish: PredictionWish,
): Promise<BatchAnswer> {
  return answerTogether(scope, wish, images.length, async (model, attempt) => {
    const results = images.map((image, index) => answerOneOfMany(attempt, image, index, wish));
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
  return answerTogether(scope, wish, count, async (model, { answer }) => {
    const answers = imagesFor(model).map(answer);
    return { model, answers: await Promise.all(answers) };
  });
}

/** What a model does for a request, and what became of it. */
interface Attempt {
  /** Answers an image, by its place in the request. */
  readonly answer: (image: ReceivedImage, index: number) => Promise<AnsweredImage>;
  readonly answered: AnsweredImage[];
  /** Why images were not answered. */
  readonly refused: ErrorCode[];
}

/**
 * Takes the images in hand, all or none, and the model, which stays until all are answered. Those who count, keep and
 * watch answers hear of them when the request has its own.
 */
async function answerTogether<T>(
  scope: ServingScope,
  wish: PredictionWish,
  count: number,
  work: (model: ServedModel, attempt: Attempt) => Promise<T>,
): Promise<T> {
  const { admission, models, statistics, listeners } = scope;
  const { record, urgency } = wish;
  const asked = { model: wish.model.name, priority: urgency.priority, count };
  const { result, answered } = await admission.run(asked, (admitted) =>
    models.use(wish.model, async (model) => {
      // What a canary began counts for nothing when the stable model has to do it again.
      const attempt: Attempt = {
        async answer(image, index) {
          const answering = answerImage(scope, admitted, model, image, index, wish);
          admitted.hold(answering);
          const one = await answering;
          attempt.answered.push(one);
          // A shadow leaves no rows, and works while the next images are computed.
          models.observe(one);
          return one;
        },
        answered: [],
        refused: [],
      };
      Object.assign(record, { refusedImages: attempt.refused, model: model.label });
      return { result: await work(model, attempt), answered: attempt.answered };
    }),
  );
  record.images = answered.length;
  statistics.images(count);
  for (const image of answered) for (const listener of listeners) listener(image);
  return result;
}

/** An image that is at fault is told so in its place; a server that cannot answer refuses the whole batch. */
async function answerOneOfMany(
  { answer, refused }: Attempt,
  image: ReceivedImage,
  index: number,
  wish: PredictionWish,
): Promise<Answer | { error: ProblemDetails }> {
  try {
    return toAnswer(await answer(image, index), wish);
  } catch (error) {
    const problem = problemOf(error);
    if (problem.status >= 499) throw error;
    refused.push(problem.code);
    return { error: problem };
  }
}

async function answerImage(
  { cache, limits }: ServingScope,
  { compute }: Admitted,
  model: ServedModel,
  image: ReceivedImage,
  index: number,
  { requestId, record, topK, urgency }: PredictionWish,
): Promise<AnsweredImage> {
  const { bundle, pool } = model;
  checkWanted(urgency);
  const started = performance.now();
  const pixels = await toModelPixels(image, bundle.manifest.preprocessing, limits.maxPixels);
  checkWanted(urgency);
  const decoded = performance.now();
  const { probabilities, source, queueMs, inferenceMs } = await cache.answer(bundle, pixels, urgency, (all) =>
    compute(() => pool.predict(pixels, all)),
  );
  const ended = performance.now();
  return {
    requestId,
    trace: record.trace,
    index,
    at: new Date(),
    ended,
    model,
    pixels,
    probabilities,
    predictions: topPredictions(probabilities, bundle.classes, topK),
    source,
    timings: {
      decodeMs: decoded - started,
      queueMs,
      inferenceMs,
      totalMs: ended - started,
    },
  };
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
