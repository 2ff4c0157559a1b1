import type { FastifyInstance } from 'fastify';
import { RobleError } from '../../base/errors.js';
import type { ServingScope } from '../classify/serving-scope.js';
import type { ServedModel } from '../models/served-model.js';

/** `GET /health/live`, `GET /health/ready` and `GET /stats`. */
export function addStateRoutes(app: FastifyInstance, scope: ServingScope): void {
  const { models, cache, admission, predictions, statistics, drift } = scope;
  app.get('/health/live', async () => ({ status: 'live' }));
  app.get('/health/ready', async () => {
    for (const { current } of models.managers.values()) checkReady(scope, current);
    return { status: 'ready' };
  });
  app.get('/stats', async () => {
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
      cache,
      predictionLog: predictions,
      workers: {
        wanted: pool.wantedWorkers,
        ready: pool.readyWorkers,
        restarts: pool.restarts,
        processIds: pool.processIds,
      },
      drift: drift.report(models.current),
      model: models.first,
      models,
    };
  });
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
