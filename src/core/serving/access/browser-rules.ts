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

/** What a middleware sets for every answer: asked once, because making it each time costs as much as reading the request. */
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

/** Browsers ask so often whether they may ask. */
const PREFLIGHT_SECONDS = 600;

export interface CrossOriginRules {
  /** Such as `https://example.com`. */
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  readonly requestHeaders: readonly string[];
  readonly answerHeaders: readonly string[];
}

/** Lets scripts of pages of some other origins ask, and read what they are answered, also errors (CORS). */
export function allowOrigins(app: FastifyInstance, rules: CrossOriginRules): void {
  const { origins, methods, requestHeaders, answerHeaders } = rules;
  const forAnswers = { 'access-control-expose-headers': answerHeaders.join(', ') };
  const forQuestions = {
    'access-control-allow-methods': methods.join(', '),
    'access-control-allow-headers': requestHeaders.join(', '),
    'access-control-max-age': PREFLIGHT_SECONDS,
  };
  app.addHook('onRequest', (request, reply, done) => {
    const { origin, 'access-control-request-method': asked } = request.headers;
    // What a cache keeps for one origin is not for another.
    reply.header('vary', 'Origin');
    if (origin === undefined || !origins.includes(origin)) done();
    else if (request.method === 'OPTIONS' && asked !== undefined)
      // Also for a path that is not there: the script shall read that it is not.
      reply
        .headers({ 'access-control-allow-origin': origin, ...forQuestions })
        .code(204)
        .send();
    else {
      reply.headers({ 'access-control-allow-origin': origin, ...forAnswers });
      done();
    }
  });
}
