import type { FastifyReply, FastifyRequest } from 'fastify';
import { RobleError } from '../../base/errors.js';

/**
 * A hook of paths that do something and take no query: what it would say is refused, because it would be passed over. Those
 * that only tell take any, which probes and caches add.
 */
export function refuseQuery(
  { query, method }: FastifyRequest,
  _: FastifyReply,
  done: (error?: Error) => void,
): void {
  const names = Object.keys(query as object);
  if (names.length === 0 || method === 'GET' || method === 'HEAD') done();
  else
    done(
      new RobleError(
        'ROBLE_REQUEST_INVALID',
        `The query says "${names.join('", "')}", which means nothing here.`,
        {
          received: names.join(', '),
          expected: 'no query',
        },
      ),
    );
}
