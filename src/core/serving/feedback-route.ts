import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { checked } from '../checked.js';
import { RobleError } from '../errors.js';
import { didYouMean } from '../text.js';
import type { FeedbackAnswer } from './answer-schemas.js';
import { Places } from './places.js';
import { type ReceivedImage, toModelPixels } from './received-image.js';
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
  .refine(({ image, pixels, drawing }) => [image, pixels, drawing].filter(Boolean).length <= 1, {
    message: 'expected at most one of "image", "pixels" and "drawing"',
  });
type GivenFeedback = z.output<typeof feedbackSchema>;

/** `POST /feedback`: the right class of an image that was answered. */
export function addFeedbackRoute(app: FastifyInstance, scope: ServingScope): void {
  const places = new Places(MAX_WAITING);
  app.post('/feedback', async (request, reply) => {
    const urgency = urgencyOf(request, reply, scope.options.requestTimeoutMs);
    const feedback = checked(
      feedbackSchema,
      request.body,
      'ROBLE_REQUEST_INVALID',
      'The feedback is not of the expected form.',
    );
    places.take(1);
    try {
      await whileWanted(keepFeedback(scope, feedback), urgency);
    } finally {
      places.release(1);
    }
    reply.code(201);
    return { stored: true } satisfies FeedbackAnswer;
  });
}

async function keepFeedback({ predictions, options }: ServingScope, given: GivenFeedback): Promise<void> {
  if (!predictions)
    throw new RobleError('ROBLE_PREDICTIONS_OFF', 'This server keeps no predictions.', {
      nextSteps: ['Start it with --predictions.'],
    });
  const { id, model } = await predictions.find(given.requestId, given.index);
  if (!model.classes.includes(given.label))
    throw new RobleError('ROBLE_LABEL_RANGE', 'The label is none of the classes of the model.', {
      received: given.label,
      expected: `one of ${model.classes.join(' ')}`,
      nextSteps: didYouMean(given.label, model.classes),
    });
  const image = imageOf(given);
  const pixels = image && (await toModelPixels(image, model.preprocessing, options.maxPixels));
  await predictions.saveFeedback(id, { at: new Date(), label: given.label, pixels });
}

function imageOf({ image, pixels, drawing }: GivenFeedback): ReceivedImage | undefined {
  if (image !== undefined) return { base64: image };
  if (pixels !== undefined) return { pixels };
  return drawing && { drawing };
}
