import type { FastifyInstance } from 'fastify';
import { addRoute, PROBLEM, type Route, TEXT } from './route.js';

const description = {
  method: 'GET',
  group: 'Description',
  access: 'anybody',
  errors: [],
  error: PROBLEM,
} as const;

export const DESCRIPTION_ROUTES = {
  document: {
    ...description,
    path: '/openapi.json',
    summary: 'This description.',
    answer: { 'application/json': { type: 'object' } },
  },
  page: {
    ...description,
    path: '/docs',
    summary: 'This description as a page.',
    answer: { 'text/html': TEXT },
  },
  style: {
    ...description,
    path: '/docs/style.css',
    summary: 'The style of that page.',
    answer: { 'text/css': TEXT },
  },
} satisfies Record<string, Route>;

/** The description of a server for people, drawn when it is asked for. */
export interface DescriptionPage {
  /** @param stylesheet where the style lies, seen from the page */
  readonly html: (stylesheet: string) => string;
  readonly style: () => string;
}

/** `GET /openapi.json`, and `GET /docs` with its style where there is such a page. */
export function addDescription(
  app: FastifyInstance,
  document: object,
  page: DescriptionPage | undefined,
): void {
  // Written once: it takes longer than most predictions.
  const json = JSON.stringify(document);
  addRoute(app, DESCRIPTION_ROUTES.document, {
    handler: async (_, reply) => reply.type('application/json; charset=utf-8').send(json),
  });
  if (!page) return;
  let html: string | undefined;
  addRoute(app, DESCRIPTION_ROUTES.page, {
    handler: async (_, reply) => {
      html ??= page.html('docs/style.css');
      return reply.type('text/html; charset=utf-8').send(html);
    },
  });
  addRoute(app, DESCRIPTION_ROUTES.style, {
    handler: async (_, reply) => reply.type('text/css; charset=utf-8').send(page.style()),
  });
}
