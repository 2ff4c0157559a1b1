import { isUtf8 } from 'node:buffer';
import type { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { RobleError } from '../../base/errors.js';
import { Form } from './form.js';
import { readBody } from './read-body.js';

/** Makes `request.body` of a body; it may refuse the type before it reads. */
type Parser = (request: FastifyRequest, read: () => Promise<Buffer>) => Promise<unknown>;

const BODY_TYPES = [
  'image/*',
  'application/octet-stream',
  'multipart/form-data',
  'application/json',
] as const;
type BodyType = (typeof BODY_TYPES)[number];

/** What bodies of a content type become. */
function parsersOf(app: FastifyInstance): Readonly<Record<BodyType, Parser>> {
  // It refuses what would change prototypes, too.
  const parseJson = app.getDefaultJsonParser('error', 'error');
  return {
    'application/json': async (request, read) => {
      const bytes = await read();
      if (!isUtf8(bytes)) throw notJson(bytes, 'it is not UTF-8');
      const text = bytes.toString();
      return new Promise((resolve, reject) => {
        void parseJson(request, text, (error, value) =>
          error ? reject(notJson(bytes, faultOf(text))) : resolve(value),
        );
      });
    },
    'image/*': (_, read) => read(),
    'application/octet-stream': (_, read) => read(),
    'multipart/form-data': ({ headers }, read) => Form.read(headers['content-type']!, read),
  };
}

/** Lets the routes of an application, or of a part of it, take bodies of these content types, and of no others. */
export function takeBodies(
  app: FastifyInstance,
  content: Readonly<Partial<Record<BodyType, unknown>>>,
): void {
  const parsers = parsersOf(app);
  const types = BODY_TYPES.filter((type) => type in content);
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

/** In the words of the language, which say where, unlike those of the framework. */
function faultOf(text: string): string {
  if (text === '') return 'it is empty';
  try {
    JSON.parse(text);
  } catch (error) {
    return (error as Error).message;
  }
  return 'it has a key "__proto__", or "constructor" with "prototype"';
}

function notJson({ length }: Buffer, reason: string): RobleError {
  return new RobleError('ROBLE_REQUEST_INVALID', `The body is not JSON: ${reason}.`, {
    received: `${length} bytes`,
    expected: 'a JSON object in UTF-8',
  });
}
