import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from 'fastify';
import { z } from 'zod';
import { RobleError } from '../../base/errors.js';
import { DEFAULT_GRID } from '../../predict/heat-map.js';
import { explanationsOf } from '../admission/explanations.js';
import { type ExplainOptions, explainImage } from '../classify/explain.js';
import type { ServingScope } from '../classify/serving-scope.js';
import { takeBodies } from '../request/body-types.js';
import { checkedRequest } from '../request/checked-request.js';
import {
  explainAnswerSchema,
  explainFormSchema,
  explainQuerySchema,
  explainRequestSchema,
  PICTURES,
} from '../request/schemas.js';
import { readOneImage } from './one-image.js';
import {
  admitRequests,
  checkVersion,
  PREDICT,
  PREDICTION_HEADERS,
  stickyKeyOf,
} from './prediction-routes.js';
import { addRoute, json, PROBLEM, type Route } from './route.js';

const { 'x-priority': _, ...headers } = PREDICTION_HEADERS;

/** No prediction for the statistics: its time is that of a hundred. */
export const EXPLAIN = {
  method: 'POST',
  path: '/explain',
  group: 'Predictions',
  summary:
    'Says where in an image an answer stands: by how much its probability falls where a place is covered.',
  access: 'predict',
  query: explainQuerySchema,
  headers,
  body: { ...PREDICT.body, ...json(explainRequestSchema), 'multipart/form-data': explainFormSchema },
  answer: json(explainAnswerSchema),
  errors: [404, 413, 415, 422, 501, 502, 503, 504],
  error: PROBLEM,
} satisfies Route;

type ExplainQuery = Pick<ExplainOptions, 'className' | 'grid' | 'model'>;

declare module 'fastify' {
  interface FastifyRequest {
    /** Of `/explain`. */
    explainQuery: ExplainQuery;
  }
}

/** `POST /explain`: a heat map of what an answer stands on. */
export async function addExplainRoute(app: FastifyInstance, scope: ServingScope): Promise<void> {
  const begin: onRequestHookHandler = (request, _, done) => {
    explanationsOf(scope);
    request.explainQuery = readQuery(request, scope);
    done();
  };
  await app.register(async (app) => {
    takeBodies(app, EXPLAIN.body);
    app.decorateRequest('explainQuery');
    addRoute(app, EXPLAIN, {
      onRequest: [begin, admitRequests(scope, { priority: 'low' })],
      handler: async ({ id: requestId, record, urgency, body, explainQuery }) => {
        const { image } = readOneImage<object>(body, PICTURES, z.strictObject({}));
        return explainImage(scope, image, { requestId, record, urgency, ...explainQuery });
      },
    });
  });
}

/** @throws {RobleError} `ROBLE_REQUEST_INVALID`, `ROBLE_REQUEST_TOO_LARGE`, `ROBLE_MODEL_UNKNOWN` */
function readQuery(request: FastifyRequest, { limits: { maxBatch }, models }: ServingScope): ExplainQuery {
  const query = checkedRequest(explainQuerySchema, request.query);
  const largest = Math.floor(Math.sqrt(maxBatch));
  const grid = query.grid ?? Math.max(1, Math.min(DEFAULT_GRID, largest));
  if (grid > largest)
    throw new RobleError('ROBLE_REQUEST_TOO_LARGE', 'The grid has more cells than serve.maxBatch allows.', {
      received: `${grid} x ${grid} cells`,
      expected: `at most ${maxBatch}`,
    });
  const model = { name: query.model, version: query.version, stickyKey: stickyKeyOf(request) };
  checkVersion(models, model);
  return { className: query.class, grid, model };
}
