import type { FastifyReply, FastifyRequest } from 'fastify';
import { RobleError } from '../../base/errors.js';
import { Cancellation, PRIORITIES, type Priority, type Urgency } from './urgency.js';

/**
 * How urgent a request is, by its headers `x-priority` (high, normal, low) and `x-timeout-ms`; and whether its client is
 * still there.
 *
 * @throws {RobleError} `ROBLE_REQUEST_INVALID`
 */
export function urgencyOf(request: FastifyRequest, reply: FastifyReply, longestMs: number): Urgency {
  const cancellation = new Cancellation();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) cancellation.cancel('abandoned');
  });
  return {
    cancellation,
    deadline: performance.now() + timeoutOf(request.headers['x-timeout-ms'], longestMs),
    priority: priorityOf(request.headers['x-priority']),
  };
}

function timeoutOf(header: string | string[] | undefined, longestMs: number): number {
  if (header === undefined) return longestMs;
  const milliseconds = /^\d+$/.test(String(header)) ? Number(header) : Number.NaN;
  if (!(milliseconds > 0))
    throw new RobleError('ROBLE_REQUEST_INVALID', 'The header x-timeout-ms is no time.', {
      received: header,
      expected: 'a whole number of milliseconds, 1 or more',
    });
  return Math.min(milliseconds, longestMs);
}

function priorityOf(header: string | string[] | undefined): Priority {
  if (header === undefined) return 'normal';
  const known = PRIORITIES.find((priority) => priority === header);
  if (known) return known;
  throw new RobleError('ROBLE_REQUEST_INVALID', 'The header x-priority is none of the priorities.', {
    received: header,
    expected: PRIORITIES.join(', '),
  });
}
