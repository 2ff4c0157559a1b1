/** Every path, with every method, as RFC 9110 has it (sections 9 and 15); on both addresses. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKey } from '../src/core/serving/access/api-keys.js';
import { createServer, type RobleServer } from '../src/index.js';
import { type RawAnswer, sendRaw } from './support/raw-http.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { tinyBundle } from './support/tiny-bundle.js';

/** Those of RFC 9110 and 5789, and some of extensions. */
const KNOWN = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'QUERY', 'PROPFIND'];
/** Of another protocol, of none, and in letters that make them others (RFC 9110, section 9.1). */
const UNKNOWN = ['DESCRIBE', 'BREW', 'GETX', 'GE', 'get', 'Post', '_', "!#$%&'*+-.^_`|~9"];

let server: RobleServer;
let guarded: RobleServer;
let key: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  const folder = await temporaryFolder('methods');
  ({ remove } = folder);
  const model = await tinyBundle(join(folder.path, 'model'));
  const keysFile = join(folder.path, 'keys.json');
  ({ key } = await createKey(keysFile, { name: 'test', scopes: ['predict'] }));
  const options = { model, port: 0, workers: 0, admin: { port: 0 } };
  server = await createServer(options as never);
  guarded = await createServer({ ...options, access: { keysFile } } as never);
});
afterAll(async () => {
  await Promise.all([server?.close(), guarded?.close()]);
  await remove();
});

type Listener = 'predictions' | 'administration';
const portOf = (listener: Listener) =>
  listener === 'predictions' ? server.address.port : Number(new URL(server.adminUrl!).port);

async function ask(listener: Listener, line: string, ...headers: string[]): Promise<RawAnswer> {
  const head = [`${line} HTTP/1.1`, 'host: x', 'connection: close', ...headers, '', ''];
  const answers = await sendRaw(portOf(listener), head.join('\r\n'));
  expect(answers).toHaveLength(1);
  return answers[0]!;
}

/** The paths that the server says it has, with names in place of parameters, and their methods. */
async function paths(listener: Listener): Promise<ReadonlyMap<string, readonly string[]>> {
  const { body } = await ask(listener, 'GET /nowhere');
  const routes = (JSON.parse(body) as { expected: string }).expected
    .split(', ')
    .map((route) => route.split(' ') as [method: string, pattern: string]);
  const named = routes.map(([, pattern]) => pattern.replace(':name', 'quarters').replace(':version', '1'));
  return new Map(
    named.map((path) => {
      const fits = ([, pattern]: [string, string]) =>
        new RegExp(`^${pattern.replace(/:\w+/g, '[^/]+')}$`).test(path);
      const own = new Set(routes.filter(fits).map(([method]) => method));
      if (own.has('GET')) own.add('HEAD');
      return [path, [...own, 'OPTIONS']];
    }),
  );
}

describe.each(['predictions', 'administration'] as const)('%s', (listener) => {
  it('say 405 with the methods that a path has, and do those', async () => {
    for (const [path, own] of await paths(listener))
      for (const method of KNOWN) {
        const answer = await ask(listener, `${method} ${path}`);
        const what = `${method} ${path}`;
        const allow = answer.headers.allow?.split(', ').sort();
        if (method === 'OPTIONS') {
          expect([answer.status, answer.body, allow], what).toEqual([204, '', [...own].sort()]);
        } else if (own.includes(method)) {
          expect(answer.body, what).not.toMatch(/"code":"ROBLE_(ROUTE|METHOD)_UNKNOWN"/);
          expect(answer.status, what).not.toBe(405);
        } else {
          expect([answer.status, allow], what).toEqual([405, [...own].sort()]);
          if (method !== 'HEAD')
            expect(JSON.parse(answer.body), what).toMatchObject({ code: 'ROBLE_ROUTE_UNKNOWN' });
        }
      }
  });

  it('say 404 where there is no path, by whatever method of HTTP', async () => {
    for (const path of ['/nowhere', '/predict/', '//', '/v2/nowhere', '/admin', '/v2/models'])
      for (const method of KNOWN) {
        const { status, headers } = await ask(listener, `${method} ${path}`);
        expect([status, headers.allow], `${method} ${path}`).toEqual([404, undefined]);
      }
  });

  it('say 501 to methods that are none of HTTP, and to be a proxy', async () => {
    for (const path of ['/predict', '/metrics', '/nowhere', '/v2/models/quarters'])
      for (const method of UNKNOWN) {
        const { status, headers, body } = await ask(listener, `${method} ${path}`);
        expect([status, headers.allow], `${method} ${path}`).toEqual([501, undefined]);
        expect(JSON.parse(body)).toMatchObject({ code: 'ROBLE_METHOD_UNKNOWN' });
      }
    expect((await ask(listener, 'CONNECT example.com:443')).status).toBe(501);
  });

  it('know the server as a whole by OPTIONS only', async () => {
    const { status, headers } = await ask(listener, 'OPTIONS *');
    expect([status, headers.allow?.split(', ')]).toEqual([
      204,
      expect.arrayContaining(['GET', 'POST', 'OPTIONS']),
    ]);
    for (const method of ['GET', 'HEAD']) expect((await ask(listener, `${method} *`)).status).toBe(400);
  });

  it('give to HEAD what GET has, but for the body', async () => {
    for (const [path, own] of await paths(listener)) {
      if (!own.includes('GET')) continue;
      const [get, head] = [await ask(listener, `GET ${path}`), await ask(listener, `HEAD ${path}`)];
      expect([head.status, head.headers['content-type'], head.body]).toEqual([
        get.status,
        get.headers['content-type'],
        '',
      ]);
      expect(Object.keys(head.headers).sort()).toEqual(Object.keys(get.headers).sort());
    }
  });

  it('take the address of a path as a proxy writes it', async () => {
    const path = listener === 'predictions' ? '/health/live' : '/admin/models';
    expect((await ask(listener, `GET http://example.com${path}`)).status).toBe(200);
    expect((await ask(listener, `PUT http://example.com${path}`)).headers.allow).toBe('GET, HEAD, OPTIONS');
  });

  it('answer what came before a method that nobody knows, and that after it', async () => {
    const path = listener === 'predictions' ? '/health/live' : '/admin/models';
    const answers = await sendRaw(
      portOf(listener),
      `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\nBREW ${path} HTTP/1.1\r\nhost: x\r\n\r\n`,
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 501]);
  });

  it('say 400 to what only looks like a method', async () => {
    for (const line of ['hello world', 'B@D / HTTP/1.1', '\x16\x03\x01', 'BREW /'])
      expect(
        (await sendRaw(portOf(listener), `${line}\r\nhost: x\r\n\r\n`)).map(({ status }) => status),
      ).toEqual([400]);
  });
});

it('keys open a path before its methods are told', async () => {
  const status = async (method: string, headers: Record<string, string>) =>
    (await fetch(`${guarded.url}/predict`, { method, headers })).status;
  expect([await status('PUT', {}), await status('OPTIONS', {})]).toEqual([401, 401]);
  const bearer = { authorization: `Bearer ${key}` };
  expect([await status('PUT', bearer), await status('OPTIONS', bearer)]).toEqual([405, 204]);
});
