import type { FastifyInstance, onRequestHookHandler } from 'fastify';
import { RobleError } from '../../base/errors.js';
import { knownClass } from '../../model/known-class.js';
import { ConcurrencyLimit } from '../admission/admission.js';
import { imageOf, type ReceivedImage, toModelPixels } from '../classify/received-image.js';
import type { ServingScope } from '../classify/serving-scope.js';
import type { PredictionLog } from '../predictions/prediction-log.js';
import { takeBodies } from '../request/body-types.js';
import { checkedRequest, onlyForm, requestObject } from '../request/checked-request.js';
import {
  bareFeedbackSchema,
  FEEDBACK_REQUESTS,
  feedbackAnswerSchema,
  feedbackSchema,
} from '../request/schemas.js';
import { urgencyOf, whileWanted } from '../request/urgency.js';
import { URGENCY_HEADERS } from './prediction-routes.js';
import { addRoute, json, PROBLEM, type Route } from './route.js';

export const FEEDBACK = {
  method: 'POST',
  path: '/feedback',
  group: 'Predictions',
  summary: 'Tells the right class of an image that was answered.',
  access: 'feedback',
  headers: URGENCY_HEADERS,
  body: json(feedbackSchema),
  answer: json(feedbackAnswerSchema),
  status: 201,
  errors: [404, 413, 415, 422, 501, 503, 504],
  error: PROBLEM,
} satisfies Route;

/** Feedback that waits for the database at most. */
const MAX_WAITING = 64;

/** `POST /feedback`: the right class of an image that was answered. */
export async function addFeedbackRoute(app: FastifyInstance, scope: ServingScope): Promise<void> {
  const limit = new ConcurrencyLimit(MAX_WAITING);
  const begin: onRequestHookHandler = (request, reply, done) => {
    request.urgency = urgencyOf(request, reply, scope.limits.requestTimeoutMs);
    logOf(scope);
    done();
  };
  await app.register(async (app) => {
    takeBodies(app, FEEDBACK.body);
    addRoute(app, FEEDBACK, {
      onRequest: [begin],
      handler: async (request, reply) => {
        const feedback = readFeedback(request.body);
        limit.take(1);
        try {
          await whileWanted(keepFeedback(scope, feedback), request.urgency);
        } finally {
          limit.release(1);
        }
        reply.code(FEEDBACK.status);
        return { stored: true } as const;
      },
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

interface GivenFeedback {
  readonly requestId: string;
  readonly index?: number | undefined;
  readonly label: string;
  readonly image?: ReceivedImage;
}

function readFeedback(value: unknown): GivenFeedback {
  const body = requestObject(value);
  const forms = Object.keys(FEEDBACK_REQUESTS).filter((form) => Object.hasOwn(body, form));
  if (forms.length === 0) return checkedRequest(bareFeedbackSchema, body);
  const form = onlyForm(body, FEEDBACK_REQUESTS);
  if (!form)
    throw new RobleError('ROBLE_REQUEST_INVALID', 'The feedback holds several pictures.', {
      received: forms.join(', '),
      expected: 'at most one of "image", "pixels" and "drawing"',
    });
  const { requestId, index, label, ...given } = checkedRequest(FEEDBACK_REQUESTS[form], body);
  return { requestId, index, label, image: imageOf(given) };
}

async function keepFeedback(
  scope: ServingScope,
  { requestId, index = 0, label, image }: GivenFeedback,
): Promise<void> {
  const predictions = logOf(scope);
  const { id, model } = await predictions.find(requestId, index);
  const known = knownClass(label, model.classes);
  const pixels = image && (await toModelPixels(image, model.preprocessing, scope));
  await predictions.saveFeedback(id, { at: new Date(), label: known.name, pixels });
}
