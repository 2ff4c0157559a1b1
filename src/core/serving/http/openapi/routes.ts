import type { FastifyInstance } from 'fastify';
import { pageStyle } from '../../../../pages/kit/html.js';
import type { OpenApiDocument } from './document.js';
import { documentPage } from '../../../../pages/api-docs.js';

/** `GET /openapi.json`, and `GET /docs` with its style. */
export function addDescription(app: FastifyInstance, document: OpenApiDocument): void {
  // Written once: it takes longer than most predictions.
  const json = JSON.stringify(document);
  let page: string | undefined;
  app.get('/openapi.json', async (_, reply) => reply.type('application/json; charset=utf-8').send(json));
  app.get('/docs', async (_, reply) => {
    page ??= documentPage('docs/style.css');
    return reply.type('text/html; charset=utf-8').send(page);
  });
  app.get('/docs/style.css', async (_, reply) => reply.type('text/css; charset=utf-8').send(pageStyle()));
}
