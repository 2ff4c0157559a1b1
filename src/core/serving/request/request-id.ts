import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** What cannot do harm in a header, a log line or a database. */
export const REQUEST_ID = /^[A-Za-z0-9_.:@/+=-]{1,128}$/;

/** The request's id: that of the client in `x-request-id` where it is a plain one, else a new UUID. */
export function requestIdOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}
