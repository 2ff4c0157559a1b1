import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { RobleError } from '../../errors.js';

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

/** Browsers ask so often whether they may ask. */
const PREFLIGHT_SECONDS = 600;

/** Tells browsers what pages may do with the server: its own (Content-Security-Policy and the like), and others (CORS). */
export async function addBrowserRules(
  app: FastifyInstance,
  { origins, isTls }: { readonly origins: readonly string[]; readonly isTls: boolean },
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
  if (origins.length === 0) return;
  const { default: cors } = await import('@fastify/cors');
  await app.register(cors, {
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST'],
    allowedHeaders: [
      'authorization',
      'content-type',
      'traceparent',
      'x-api-key',
      'x-priority',
      'x-request-id',
      'x-timeout-ms',
    ],
    exposedHeaders: [
      'ratelimit-limit',
      'ratelimit-remaining',
      'ratelimit-reset',
      'retry-after',
      'x-request-id',
    ],
    maxAge: PREFLIGHT_SECONDS,
    // Its refusal would be no problem of ours, but plain text.
    strictPreflight: false,
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
