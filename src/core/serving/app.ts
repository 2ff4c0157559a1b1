import type { FastifyInstance } from 'fastify';
import type { ServingScope } from './classify/serving-scope.js';
import { addDescription } from './http/description-routes.js';
import { addExplainRoute } from './http/explain-route.js';
import { addFeedbackRoute } from './http/feedback-route.js';
import { createHttpApp } from './http/http-app.js';
import { isOfProtocol, protocolError } from './http/oip/protocol-error.js';
import { addInferenceProtocol } from './http/oip/routes.js';
import { addPageRoutes } from './http/page-routes.js';
import { addPredictionRoutes } from './http/prediction-routes.js';
import { addStateRoutes } from './http/state-routes.js';
import { crossOriginNeeds } from './openapi/cross-origin.js';
import { type ApiPage, describeApi } from './openapi/document.js';
import { type ProblemOptions, pathOf } from './request/problem.js';

export interface AppPages {
  /** Whether to show a page to draw on at `/`. */
  readonly page: boolean;
  /** Draws `/docs`; without it there is only `/openapi.json`. */
  readonly apiPage?: ApiPage | undefined;
}

/** The HTTP application of predictions, with its routes. It does not listen yet. */
export async function createApp(scope: ServingScope, { page, apiPage }: AppPages): Promise<FastifyInstance> {
  const { access, limits, recorder, isStopping } = scope;
  const problems: ProblemOptions = {
    retryAfterSeconds: () => retryAfterSeconds(scope),
    warn: scope.warn,
    toBody: (problem, path) => (isOfProtocol(path) ? protocolError(problem) : undefined),
  };
  const api = describeApi();
  const app = await createHttpApp({
    server: access.serverOptions,
    maxBodyBytes: limits.maxBodyBytes,
    bodyLimitKey: 'serve.maxBodyBytes',
    recorder,
    problems,
    guard: (app) => access.guard(app, crossOriginNeeds(api.document)),
    isStopping,
  });
  app.addHook('onSend', (request, reply, _, done) => {
    // Clients of the protocol compare the type, and JSON has no charset.
    if (isOfProtocol(pathOf(request)) && reply.getHeader('content-type') === JSON_WITH_CHARSET)
      reply.header('content-type', 'application/json');
    done();
  });
  app.decorateRequest('urgency');
  await addPredictionRoutes(app, scope);
  await addExplainRoute(app, scope);
  await addFeedbackRoute(app, scope);
  addStateRoutes(app, scope);
  addDescription(
    app,
    api.document,
    apiPage && { html: (style) => apiPage.html(api, style), style: apiPage.style },
  );
  await addInferenceProtocol(app, scope, problems);
  if (page) await addPageRoutes(app);
  return app;
}

/** What the framework calls JSON. */
const JSON_WITH_CHARSET = 'application/json; charset=utf-8';

/** By then half of the images in flight will be answered: whoever comes back finds room. */
function retryAfterSeconds({ admission }: ServingScope): number {
  return Math.max(1, Math.ceil(admission.waitMs / 2 / 1000));
}
