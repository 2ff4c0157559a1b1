import type { FastifyInstance } from 'fastify';
import { pageStyle } from '../../report/page-frame.js';
import { openApiDocument } from './document.js';
import { documentPage } from './page.js';

/** `GET /openapi.json`, and `GET /docs` with its style. */
export function addDescription(app: FastifyInstance): void {
  app.get('/openapi.json', async () => openApiDocument());
  app.get('/docs', async (_, reply) =>
    reply.type('text/html; charset=utf-8').send(documentPage('docs/style.css')),
  );
  app.get('/docs/style.css', async (_, reply) => reply.type('text/css; charset=utf-8').send(pageStyle()));
}
