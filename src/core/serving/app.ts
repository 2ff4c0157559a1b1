import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isBeforeItsBody } from './access/close-in-stages.js';
import { addFeedbackRoute } from './feedback-route.js';
import { isOfProtocol, protocolError } from './oip/protocol-error.js';
import { addInferenceProtocol } from './oip/routes.js';
import { addDescription } from './openapi/routes.js';
import { addPageRoutes } from './page-routes.js';
import { addPredictionRoutes } from './prediction-routes.js';
import { requestIdOf } from './request-id.js';
import { recordRequest, recordRequests } from './request-record.js';
import { answerProblems, sendProblem } from './send-problem.js';
import type { ServingScope } from './serving-scope.js';
import { addStateRoutes } from './state-routes.js';

/** The HTTP application: routes, limits and error answers. It does not listen yet. */
export async function createApp(scope: ServingScope): Promise<FastifyInstance> {
  const { options, statistics, isStopping } = scope;
  const { default: fastify } = await import('fastify');
  const { default: multipart } = await import('@fastify/multipart');
  const problems = {
    retryAfterSeconds: () => retryAfterSeconds(scope),
    warn: scope.warn,
  };
  const app = fastify({
    ...scope.access.serverOptions,
    bodyLimit: options.maxBodyBytes,
    genReqId: requestIdOf,
    // While it stops, the server still answers what reaches it.
    return503OnClosing: false,
    // Errors that come before the routes, such as a path that cannot be decoded.
    frameworkErrors: (error, request, reply) => {
      recordRequest(request, reply, scope.recorder);
      sendProblem(
        reply,
        error,
        isOfProtocol(pathOf(request)) ? { ...problems, toBody: protocolError } : problems,
      );
    },
  });
  recordRequests(app, scope.recorder);
  await scope.access.guard(app);
  await app.register(multipart, {
    limits: { fileSize: options.maxBodyBytes + 1, files: options.maxBatch, fields: 16 },
  });
  app.removeContentTypeParser('text/plain');
  app.addContentTypeParser(
    /^(image\/|application\/octet-stream)/,
    { parseAs: 'buffer' },
    async (_: unknown, body: Buffer) => body,
  );
  app.addHook('onSend', (request, reply, _, done) => {
    reply.header('x-request-id', request.id);
    // Clients of the protocol compare the type, and JSON has no charset.
    if (isOfProtocol(pathOf(request)) && reply.getHeader('content-type') === JSON_WITH_CHARSET)
      reply.header('content-type', 'application/json');
    // A client that keeps its connection would hold the stop up.
    if (isStopping() || isBeforeItsBody(request.raw, options.maxBodyBytes))
      reply.header('connection', 'close');
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    if (isPrediction(request.routeOptions.url)) statistics.request(reply.statusCode, reply.elapsedTime);
    done();
  });
  answerProblems(app, problems);
  app.decorateRequest('urgency');
  addPredictionRoutes(app, scope);
  addFeedbackRoute(app, scope);
  addStateRoutes(app, scope);
  addDescription(app);
  await addInferenceProtocol(app, scope, problems);
  if (options.page) await addPageRoutes(app);
  return app;
}

/** What the framework calls JSON. */
const JSON_WITH_CHARSET = 'application/json; charset=utf-8';

function pathOf({ url }: FastifyRequest): string {
  return url.split('?')[0]!;
}

/** Whether a route, as it is registered, asks a model. */
function isPrediction(url = ''): boolean {
  return url.startsWith('/predict') || url.endsWith('/infer');
}

/** By then half of what is in hand will be answered: who comes back finds room. */
function retryAfterSeconds({ admission }: ServingScope): number {
  return Math.max(1, Math.ceil(admission.waitMs / 2 / 1000));
}
