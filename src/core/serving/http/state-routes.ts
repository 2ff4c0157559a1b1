import type { FastifyInstance } from 'fastify';
import { checkReady } from './ready.js';
import type { ServingScope } from '../classify/serving-scope.js';

/** `GET /health/live`, `GET /health/ready` and `GET /stats`. */
export function addStateRoutes(app: FastifyInstance, scope: ServingScope): void {
  const { models, cache, admission, predictions, options, statistics, drift } = scope;
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
        inHand: admission.inHand,
        limit: admission.limit,
        waitMs: admission.waitMs,
        overloaded: admission.isOverloaded,
        dropped: pool.dropped,
      },
      cache,
      predictionLog: predictions && { ...predictions.toJSON(), keepsImages: options.predictions.keepImages },
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
