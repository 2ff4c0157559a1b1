import type { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { RobleError } from '../../errors.js';
import { Form } from './form.js';
import { readBody } from './read-body.js';

/** Makes `request.body` of a body; it may refuse the type before it reads. */
type Parser = (request: FastifyRequest, read: () => Promise<Buffer>) => Promise<unknown>;

/** What bodies of a content type become. */
function parsersOf(app: FastifyInstance) {
  // It refuses what would change prototypes, too.
  const parseJson = app.getDefaultJsonParser('error', 'error');
  return {
    'application/json': async (request, read) => {
      const text = (await read()).toString();
      return new Promise((resolve, reject) => {
        void parseJson(request, text, (error, value) => (error ? reject(error) : resolve(value)));
      });
    },
    'image/*': (_, read) => read(),
    'application/octet-stream': (_, read) => read(),
    'multipart/form-data': ({ headers }, read) => Form.read(headers['content-type']!, read),
  } satisfies Record<string, Parser>;
}

export type BodyType = keyof ReturnType<typeof parsersOf>;

/** Lets the routes of an application, or of a part of it, take bodies of these types, and of no others. */
export function takeBodies(app: FastifyInstance, types: readonly BodyType[]): void {
  const parsers: Readonly<Record<BodyType, Parser>> = parsersOf(app);
  app.removeAllContentTypeParsers();
  for (const type of types)
    app.addContentTypeParser(
      type === 'image/*' ? /^image\// : type,
      (request: FastifyRequest, payload: Readable) =>
        parsers[type](request, () => readBody(request, payload)),
    );
  app.addContentTypeParser('*', async ({ headers }: FastifyRequest) => {
    throw new RobleError('ROBLE_REQUEST_UNSUPPORTED', 'This path takes no body of such a type.', {
      received: `content-type: ${headers['content-type'] ?? 'none'}`,
      expected: types.join(', '),
    });
  });
}
