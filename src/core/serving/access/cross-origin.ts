import type { FastifyInstance } from 'fastify';

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
