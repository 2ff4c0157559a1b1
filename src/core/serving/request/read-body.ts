import type { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { RobleError } from '../../base/errors.js';
import { type BodyLimit, bodyTooLarge } from './body-limits.js';
import { askForBody } from './connection.js';
import { type ContentDecoder, codingsOf } from './content-coding.js';

declare module 'fastify' {
  interface FastifyInstance {
    contentDecoder: ContentDecoder;
    /** The key that sets the largest body; undefined for a limit that nothing sets. */
    bodyLimitKey: string | undefined;
  }
}

/**
 * The body of a request, decoded. What its head says of it is checked before it is asked for.
 *
 * @throws {RobleError} `ROBLE_REQUEST_TOO_LARGE`, `ROBLE_CODING_UNSUPPORTED`, `ROBLE_REQUEST_INVALID`,
 *   `ROBLE_REQUEST_ABANDONED`
 */
export async function readBody(request: FastifyRequest, payload: Readable): Promise<Buffer> {
  const limit = { maxBytes: request.routeOptions.bodyLimit, key: request.server.bodyLimitKey };
  const codings = codingsOf(request.headers['content-encoding']);
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > limit.maxBytes) throw bodyTooLarge(`${announced} bytes`, limit);
  askForBody(request.raw);
  return request.server.contentDecoder.decode(await collect(payload, limit), codings, limit);
}

/** What comes after the limit is left to whoever closes the connection. */
function collect(payload: Readable, limit: BodyLimit): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const stop = () => payload.off('data', take).off('end', finish).off('error', fail);
    const take = (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length <= limit.maxBytes) return;
      stop();
      reject(bodyTooLarge(`${length} bytes or more`, limit));
    };
    const finish = () => {
      stop();
      resolve(Buffer.concat(chunks, length));
    };
    const fail = (cause: Error) => {
      stop();
      reject(
        new RobleError('ROBLE_REQUEST_ABANDONED', 'The connection ended before the body did.', { cause }),
      );
    };
    payload.on('data', take).on('end', finish).on('error', fail);
  });
}
