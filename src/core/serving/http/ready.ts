import { RobleError } from '../../base/errors.js';
import type { ServedModel } from '../models/served-model.js';
import type { ServingScope } from '../classify/serving-scope.js';

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
