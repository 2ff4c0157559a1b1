import type { FastifyInstance } from 'fastify';
import { RobleError } from '../errors.js';
import type { ServingScope } from './serving-scope.js';

/** `GET /health/live`, `GET /health/ready` and `GET /stats`. */
export function addStateRoutes(app: FastifyInstance, scope: ServingScope): void {
  const { models, cache, admission, options, statistics, isStopping } = scope;
  app.get('/health/live', async () => ({ status: 'live' }));
  app.get('/health/ready', async () => {
    if (isStopping()) throw new RobleError('ROBLE_SERVER_NOT_READY', 'The server is stopping.');
    if (models.current.pool.readyWorkers === 0)
      throw new RobleError('ROBLE_SERVER_NOT_READY', 'No inference process is ready.');
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
        dropped: pool.dropped,
      },
      cache,
      workers: {
        wanted: options.workers,
        ready: pool.readyWorkers,
        restarts: pool.restarts,
        processIds: pool.processIds,
      },
      model: models,
    };
  });
}
