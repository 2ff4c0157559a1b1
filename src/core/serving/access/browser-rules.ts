import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { RobleError } from '../../base/errors.js';

/** The page of the server needs its own scripts, styles and pictures, and nothing else in the world. */
const CONTENT_POLICY = {
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'style-src': ["'self'"],
  'img-src': ["'self'", 'data:', 'blob:'],
  'connect-src': ["'self'"],
  'base-uri': ["'none'"],
  'frame-ancestors': ["'none'"],
  'form-action': ["'none'"],
};

/** Tells browsers what the page of the server may do (Content-Security-Policy and the like). */
export async function addBrowserRules(
  app: FastifyInstance,
  { isTls }: { readonly isTls: boolean },
): Promise<void> {
  const { default: helmet } = await import('helmet');
  const headers = headersOf(
    helmet({
      contentSecurityPolicy: { useDefaults: false, directives: CONTENT_POLICY },
      frameguard: { action: 'deny' },
      // Without TLS browsers ignore it, and a proxy with TLS decides for itself.
      hsts: isTls,
    }),
  );
  app.addHook('onRequest', (_, reply, done) => {
    reply.headers(headers);
    done();
  });
}

/** What a middleware sets for every answer: asked once, because making it anew costs as much as reading the request. */
function headersOf(
  middleware: (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void,
): Record<string, string> {
  const headers: Record<string, string> = {};
  const response = {
    setHeader: (name: string, value: string) => {
      headers[name.toLowerCase()] = value;
    },
    removeHeader: () => {},
  };
  middleware({} as IncomingMessage, response as unknown as ServerResponse, (error) => {
    if (error) throw error;
  });
  return headers;
}

/**
 * Refuses what scripts of web pages send, which browsers name the origin of. Any page may send such a request to this
 * machine without asking, though it cannot read the answer: changing what is served must not be so easy.
 */
export function refusePages(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ headers }) => {
    if (headers.origin !== undefined)
      throw new RobleError('ROBLE_ORIGIN_REFUSED', 'The administration is not for scripts of web pages.', {
        received: headers.origin,
        expected: 'a request without the header Origin',
      });
  });
}
