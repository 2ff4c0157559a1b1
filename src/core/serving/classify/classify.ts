import type { ErrorCode } from '../../base/errors.js';
import { topPredictions } from '../../predict/top-predictions.js';
import type { Seat } from '../admission/admission.js';
import type { AnsweredImage } from '../models/answered-image.js';
import type { ServedModel } from '../models/served-model.js';
import type { ModelChoice } from '../models/served-models.js';
import { withLease } from '../models/with-lease.js';
import { type ProblemDetails, problemOf } from '../request/problem.js';
import type { RequestRecord } from '../request/record.js';
import type { Answer, BatchAnswer, Inclusion, PredictAnswer } from '../request/schemas.js';
import { checkWanted, type Urgency } from '../request/urgency.js';
import { compute } from './compute.js';
import { type ReceivedImage, toModelPixels } from './received-image.js';
import type { ServingScope } from './serving-scope.js';

/** What a request asks for besides its images. */
export interface PredictionOptions {
  readonly requestId: string;
  readonly model: ModelChoice;
  /** Where the outcome is noted: `request.record`. */
  readonly record: RequestRecord;
  readonly topK: number;
  readonly urgency: Urgency;
  readonly include?: readonly Inclusion[] | undefined;
}

/** The images of a request. Their number is known before the model that takes them. */
interface RequestedImages {
  readonly count: number;
  readonly imagesFor: (model: ServedModel) => readonly ReceivedImage[];
  /** Whether the others are answered when one is at fault. */
  readonly mayFail: boolean;
}

/** Answers one image. */
export async function classifyImage(
  scope: ServingScope,
  image: ReceivedImage,
  options: PredictionOptions,
): Promise<PredictAnswer> {
  const images = { count: 1, imagesFor: () => [image], mayFail: false };
  const { model, answered } = await classify(scope, images, options);
  const { predictions, source, timings, input } = toAnswer(answered[0]!, options);
  return { requestId: options.requestId, predictions, source, timings, input, model: model.label };
}

/** Answers several images, all by one model; the result of one that is at fault is its error. */
export async function classifyEach(
  scope: ServingScope,
  images: readonly ReceivedImage[],
  options: PredictionOptions,
): Promise<BatchAnswer> {
  const requested = { count: images.length, imagesFor: () => images, mayFail: true };
  const { model, outcomes } = await classify(scope, requested, options);
  const results = outcomes.map((outcome) =>
    'problem' in outcome ? { error: outcome.problem } : toAnswer(outcome, options),
  );
  return { requestId: options.requestId, results, model: model.label };
}

/** Answers several images, in the form that the model takes; one that is at fault fails all. */
export async function classifyAll(
  scope: ServingScope,
  count: number,
  imagesFor: RequestedImages['imagesFor'],
  options: PredictionOptions,
): Promise<{ model: ServedModel; answers: readonly AnsweredImage[] }> {
  const { model, answered } = await classify(scope, { count, imagesFor, mayFail: false }, options);
  return { model, answers: answered };
}

/** An image with its answer, or what is wrong with it. */
type Outcome = AnsweredImage | { readonly problem: ProblemDetails };

interface Classified {
  readonly model: ServedModel;
  /** In the order of the request. */
  readonly outcomes: readonly Outcome[];
  /** Those of the outcomes that are answers. */
  readonly answered: readonly AnsweredImage[];
}

/** The way of a request: a seat for all its images or none, a model that answers them, and those who listen to answers. */
async function classify(
  scope: ServingScope,
  images: RequestedImages,
  options: PredictionOptions,
): Promise<Classified> {
  const { admission, models, statistics, listeners } = scope;
  const { model, urgency, record } = options;
  const seat = admission.takeSeat({ model: model.name, priority: urgency.priority, count: images.count });
  let classified: Classified;
  try {
    classified = await withLease(models.lease(model), (leased) =>
      classifyImages(leased, scope, seat, images, options),
    );
  } finally {
    seat.release();
  }
  const { answered } = classified;
  record.images = answered.length;
  statistics.images(images.count);
  const inOrderOfTime =
    answered.length > 1 ? answered.toSorted((one, other) => one.ended - other.ended) : answered;
  for (const image of inOrderOfTime) for (const listener of listeners) listener(image);
  return classified;
}

async function classifyImages(
  model: ServedModel,
  scope: ServingScope,
  seat: Seat,
  { imagesFor, mayFail }: RequestedImages,
  options: PredictionOptions,
): Promise<Classified> {
  // What a canary began counts for nothing when the stable model does it again.
  const refused: ErrorCode[] = [];
  options.record.refusedImages = refused;
  options.record.model = model.label;
  const answering = imagesFor(model).map((image, index) => {
    const answer = answerImage(model, scope, seat, image, index, options);
    seat.occupyUntil(answer);
    return mayFail ? answer.catch((error) => ({ problem: problemOfImage(error, refused) })) : answer;
  });
  const outcomes: Outcome[] = await Promise.all(answering);
  const answered = outcomes.filter((outcome): outcome is AnsweredImage => !('problem' in outcome));
  return { model, outcomes, answered };
}

/** An image that is at fault is refused by itself; a server that cannot answer refuses the whole batch. */
function problemOfImage(error: unknown, refused: ErrorCode[]): ProblemDetails {
  const problem = problemOf(error);
  if (problem.status >= 499) throw error;
  refused.push(problem.code);
  return problem;
}

/** The way of an image: decode, cache, model, answer. */
async function answerImage(
  model: ServedModel,
  scope: ServingScope,
  seat: Seat,
  image: ReceivedImage,
  index: number,
  { requestId, record, topK, urgency }: PredictionOptions,
): Promise<AnsweredImage> {
  const { models, cache } = scope;
  const { bundle, pool } = model;
  checkWanted(urgency);
  const started = performance.now();
  const pixels = await toModelPixels(image, bundle.manifest.preprocessing, scope);
  checkWanted(urgency);
  const decoded = performance.now();
  const { probabilities, source, queueMs, inferenceMs } = await cache.answer(
    bundle,
    pixels,
    urgency,
    (ofAll) => compute(pool, pixels, ofAll, seat),
  );
  const ended = performance.now();
  const answered: AnsweredImage = {
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
  // A shadow leaves no rows, and works while the next images are computed.
  models.observe(answered);
  return answered;
}

function toAnswer(answered: AnsweredImage, { include }: PredictionOptions): Answer {
  const { predictions, source, timings } = answered;
  return {
    predictions: [...predictions],
    source,
    timings,
    input: include?.includes('input') ? inputOf(answered) : undefined,
  };
}

function inputOf({ model, pixels }: AnsweredImage): Answer['input'] {
  const { width, height, channels } = model.bundle.manifest.preprocessing;
  return { width, height, channels, pixels: Buffer.from(pixels).toString('base64') };
}
