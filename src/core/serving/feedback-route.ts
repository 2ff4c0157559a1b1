import type { FastifyInstance, onRequestHookHandler } from 'fastify';
import { z } from 'zod';
import { checked } from '../checked.js';
import { RobleError } from '../errors.js';
import type { PredictionLog } from '../predictions/prediction-log.js';
import { didYouMean } from '../text.js';
import type { FeedbackAnswer } from './answer-schemas.js';
import { takeBodies } from './body/body-types.js';
import { Places } from './places.js';
import { type ReceivedImage, toModelPixels } from './received-image.js';
import { refuseQuery } from './refuse-query.js';
import { urgencyOf } from './request-urgency.js';
import type { ServingScope } from './serving-scope.js';
import { whileWanted } from './urgency.js';

/** Feedback that waits for the database at most. */
const MAX_WAITING = 64;

/** The JSON body of `POST /feedback`. */
export const feedbackSchema = z
  .strictObject({
    requestId: z.string().min(1).max(128),
    index: z.int().nonnegative().default(0),
    label: z.string().min(1),
    image: z.string().optional(),
    pixels: z.array(z.unknown()).optional(),
    drawing: z.record(z.string(), z.unknown()).optional(),
  })
  .refine(
    ({ image, pixels, drawing }) => [image, pixels, drawing].filter((one) => one !== undefined).length <= 1,
    {
      message: 'expected at most one of "image", "pixels" and "drawing"',
    },
  );
type GivenFeedback = z.output<typeof feedbackSchema>;

/** `POST /feedback`: the right class of an image that was answered. */
export async function addFeedbackRoute(app: FastifyInstance, scope: ServingScope): Promise<void> {
  const places = new Places(MAX_WAITING);
  const begin: onRequestHookHandler = (request, reply, done) => {
    request.urgency = urgencyOf(request, reply, scope.options.requestTimeoutMs);
    logOf(scope);
    done();
  };
  await app.register(async (app) => {
    takeBodies(app, ['application/json']);
    app.post('/feedback', { onRequest: [refuseQuery, begin] }, async (request, reply) => {
      const feedback = checked(
        feedbackSchema,
        request.body,
        'ROBLE_REQUEST_INVALID',
        'The feedback is not of the expected form.',
      );
      places.take(1);
      try {
        await whileWanted(keepFeedback(scope, feedback), request.urgency);
      } finally {
        places.release(1);
      }
      reply.code(201);
      return { stored: true } satisfies FeedbackAnswer;
    });
  });
}

/** @throws {RobleError} `ROBLE_PREDICTIONS_OFF` */
function logOf({ predictions }: ServingScope): PredictionLog {
  if (predictions) return predictions;
  throw new RobleError('ROBLE_PREDICTIONS_OFF', 'This server keeps no predictions.', {
    nextSteps: ['Start it with --predictions.'],
  });
}

async function keepFeedback(scope: ServingScope, given: GivenFeedback): Promise<void> {
  const predictions = logOf(scope);
  const { id, model } = await predictions.find(given.requestId, given.index);
  if (!model.classes.includes(given.label))
    throw new RobleError('ROBLE_LABEL_RANGE', 'The label is none of the classes of the model.', {
      received: given.label,
      expected: `one of ${model.classes.join(' ')}`,
      nextSteps: didYouMean(given.label, model.classes),
    });
  const image = imageOf(given);
  const pixels = image && (await toModelPixels(image, model.preprocessing, scope.options.maxPixels));
  await predictions.saveFeedback(id, { at: new Date(), label: given.label, pixels });
}

function imageOf({ image, pixels, drawing }: GivenFeedback): ReceivedImage | undefined {
  if (image !== undefined) return { base64: image };
  if (pixels !== undefined) return { pixels };
  return drawing && { drawing };
}
