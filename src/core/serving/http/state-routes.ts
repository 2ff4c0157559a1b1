import type { FastifyInstance } from 'fastify';
import { RobleError } from '../../base/errors.js';
import type { ServingScope } from '../classify/serving-scope.js';
import type { ServedModel } from '../models/served-model.js';
import { liveSchema, readySchema, type Stats, statsSchema } from '../request/schemas.js';
import { addRoute, json, PROBLEM, type Route } from './route.js';

const state = { method: 'GET', group: 'State', error: PROBLEM } as const;

export const STATE_ROUTES = {
  stats: {
    ...state,
    path: '/stats',
    summary: 'Counts, latencies, queue, processes and the model.',
    access: 'metrics',
    answer: json(statsSchema),
    errors: [],
  },
  live: {
    ...state,
    path: '/health/live',
    summary: 'Answers while the process lives.',
    access: 'probes',
    answer: json(liveSchema),
    errors: [],
  },
  ready: {
    ...state,
    path: '/health/ready',
    summary: 'Whether a prediction would be answered.',
    access: 'probes',
    answer: json(readySchema),
    errors: [503],
  },
} satisfies Record<string, Route>;

/** `GET /health/live`, `GET /health/ready` and `GET /stats`. */
export function addStateRoutes(app: FastifyInstance, scope: ServingScope): void {
  const { models, cache, admission, predictions, explanations, statistics, drift } = scope;
  addRoute(app, STATE_ROUTES.live, { handler: async () => ({ status: 'live' }) as const });
  addRoute(app, STATE_ROUTES.ready, {
    handler: async () => {
      for (const { current } of models.managers.values()) checkReady(scope, current);
      return { status: 'ready' } as const;
    },
  });
  const stats = (): Stats => {
    const { pool } = models.current;
    return {
      ...statistics.toJSON(),
      batches: pool.batches,
      queue: {
        waiting: pool.queueLength,
        inHand: admission.inFlight,
        limit: admission.limit,
        waitMs: admission.waitMs,
        overloaded: admission.isOverloaded,
        dropped: pool.dropped,
      },
      cache: cache.toJSON(),
      predictionLog: predictions?.toJSON(),
      explanations: explanations?.toJSON(),
      workers: {
        wanted: pool.wantedWorkers,
        ready: pool.readyWorkers,
        restarts: pool.restarts,
        processIds: pool.processIds,
      },
      drift: drift.report(models.current),
      model: models.first.toJSON(),
      models,
    };
  };
  addRoute(app, STATE_ROUTES.stats, { handler: async () => stats() });
}

/**
 * Whether a prediction by the model would be answered.
 *
 * @throws {RobleError} `ROBLE_SERVER_NOT_READY`
 */
export function checkReady({ isStopping }: ServingScope, { pool }: ServedModel): void {
  if (isStopping()) throw new RobleError('ROBLE_SERVER_NOT_READY', 'The server is stopping.');
  if (pool.readyWorkers === 0)
    throw new RobleError('ROBLE_SERVER_NOT_READY', 'No inference process is ready.');
}
