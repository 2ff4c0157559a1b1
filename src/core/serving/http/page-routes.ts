import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { RobleError } from '../../base/errors.js';

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
    app.get(name === 'index.html' ? '/' : `/page/${name}`, async (request, reply) => {
      // Kept, but asked about each time: a new version of the server has a new page at once.
      reply.headers({ 'cache-control': 'no-cache', etag });
      if (request.headers['if-none-match']?.includes(etag)) return reply.code(304).send();
      return reply.type(TYPES[extname(name)]!).send(body);
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
