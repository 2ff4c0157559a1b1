/** The process that looks at a disk: a network drive that is gone hangs only this one, which nothing but its end can free. */
import { answerCalls } from '../../base/process/answer-calls.js';
import { inspectPlace } from './place.js';

export type PlaceWorker = typeof start;

answerCalls(start);

function start() {
  return { inspect: inspectPlace };
}
