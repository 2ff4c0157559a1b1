import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { RobleError } from '../../base/errors.js';
import { addRoute, PROBLEM, type Route, TEXT } from './route.js';

const page = {
  method: 'GET',
  group: 'Description',
  access: 'anybody',
  headers: { 'if-none-match': { description: 'The etag of what the client has.', schema: TEXT } },
  isKept: true,
  errors: [404],
  error: PROBLEM,
} as const;

export const PAGE_ROUTES = {
  index: {
    ...page,
    path: '/',
    summary: 'A page to draw on, unless serve.page is off.',
    answer: { 'text/html': TEXT },
  },
  file: {
    ...page,
    path: '/page/{file}',
    summary: 'What that page consists of.',
    params: { file: 'Name of the file.' },
    answer: { 'text/css': TEXT, 'text/javascript': TEXT, 'image/svg+xml': TEXT },
  },
} satisfies Record<string, Route>;

/** Where the build puts the page, seen from the sources and from the built package alike. */
const FOLDER = fileURLToPath(new URL('../../../../dist/web/', import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** The page: `GET /`, and its files below `/page/`. They are read once, now. */
export async function addPageRoutes(app: FastifyInstance): Promise<void> {
  for (const name of await fileNames()) {
    const body = await readFile(join(FOLDER, name));
    const etag = `"${createHash('sha256').update(body).digest('base64url')}"`;
    const route: Route =
      name === 'index.html' ? PAGE_ROUTES.index : { ...PAGE_ROUTES.file, path: `/page/${name}` };
    addRoute(app, route, {
      handler: async (request, reply) => {
        // Clients keep it, but ask each time whether it changed: a new version of the server shows its own page at once.
        reply.headers({ 'cache-control': 'no-cache', etag });
        if (request.headers['if-none-match']?.includes(etag)) return reply.code(304).send();
        return reply.type(TYPES[extname(name)]!).send(body);
      },
    });
  }
}

async function fileNames(): Promise<string[]> {
  try {
    return await readdir(FOLDER);
  } catch (error) {
    throw new RobleError('ROBLE_FILE_NOT_FOUND', 'The page of the server is missing in this installation.', {
      received: FOLDER,
      expected: 'the files of the page',
      nextSteps: [
        'Install roble again, or run "npm run build" in its sources.',
        'Or do without the page: serve.page: false.',
      ],
      cause: error,
    });
  }
}
