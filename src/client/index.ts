/**
 * A client of `roble serve`: `import { RobleClient } from 'roble/client'`. It loads neither the image decoder nor a runtime.
 *
 * @example
 * const client = new RobleClient('http://127.0.0.1:8080');
 * const { predictions } = await client.predict(await readFile('picture.png'));
 */
export { type ErrorCode, RobleError } from '../core/base/errors.js';
export type { Answer, BatchAnswer, PredictAnswer, Stats } from '../core/serving/request/schemas.js';
export {
  type FeedbackOptions,
  type Picture,
  type PredictOptions,
  RobleClient,
  type RobleClientOptions,
} from './roble-client.js';
