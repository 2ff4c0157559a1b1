/** Whatever an operation is asked for, the statuses that it can answer with before it does its work are described. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKey } from '../src/core/serving/access/api-keys.js';
import { ROUTES } from '../src/core/serving/openapi/routes.js';
import { createServer, type RobleServer } from '../src/index.js';
import { faultsOf } from './support/described-answers.js';
import { type RawAnswer, sendRaw } from './support/raw-http.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { tinyBundle } from './support/tiny-bundle.js';

const MAX_REQUESTS = 3;

let open: RobleServer;
/** With keys. */
let guarded: RobleServer;
/** With a limit. */
let limited: RobleServer;
/** Waits for a head for a moment only: a busy machine may be slower with what the others are sent. */
let impatient: RobleServer;
let key: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  const folder = await temporaryFolder('openapi-statuses');
  ({ remove } = folder);
  const keysFile = join(folder.path, 'keys.json');
  // Good for nothing that the document describes.
  ({ key } = await createKey(keysFile, { name: 'test', scopes: ['admin'] }));
  const options = {
    model: await tinyBundle(join(folder.path, 'model')),
    port: 0,
    workers: 0,
  };
  const serve = (access: object, more: object = {}) => createServer({ ...options, ...more, access } as never);
  open = await serve({ rateLimit: { max: 0 } });
  guarded = await serve({ keysFile, rateLimit: { max: 0 } });
  limited = await serve({ rateLimit: { max: MAX_REQUESTS, windowSeconds: 600 } });
  impatient = await serve({}, { connections: { receiveTimeoutMs: 300, headersTimeoutMs: 300 } });
});
afterAll(async () => {
  await Promise.all([open, guarded, limited, impatient].map((server) => server?.close()));
  await remove();
});

const operations = ROUTES.map(({ method, path, access }) => ({
  method,
  path,
  isForProbes: access === 'probes',
  needsKey: access !== 'probes' && access !== 'anybody',
}));
const concrete = (template: string) =>
  template.replace('{name}', 'quarters').replace('{version}', '1').replace('{file}', 'style.css');

/** Sends a head with nothing behind it. */
async function send(
  server: RobleServer,
  method: string,
  path: string,
  headers: readonly string[] = ['host: x'],
): Promise<RawAnswer> {
  const body = method === 'POST' ? ['content-type: application/json', 'content-length: 2'] : [];
  const head = [`${method} ${concrete(path)} HTTP/1.1`, ...headers, ...body, 'connection: close', '', ''];
  const [answer] = await sendRaw(server.address.port, head.join('\r\n'), method === 'POST' ? '{}' : '');
  return answer!;
}

/** Expects a status, and that the document describes the answer. */
async function expectDescribed(answer: RawAnswer, status: number, method: string, path: string) {
  expect(answer.status).toBe(status);
  const response = new Response(answer.body || null, { status, headers: answer.headers });
  expect(await faultsOf(response, method, path)).toBeUndefined();
}

describe.each(operations)('$method $path', ({ method, path, isForProbes, needsKey }) => {
  it('400: no host', async () => {
    await expectDescribed(await send(open, method, path, []), 400, method, path);
  });

  it('417: an expectation that nobody can meet', async () => {
    const answer = await send(open, method, path, ['host: x', 'expect: a-miracle']);
    await expectDescribed(answer, 417, method, path);
  });

  it('431: a head without an end', async () => {
    const answer = await send(open, method, path, ['host: x', `x-long: ${'x'.repeat(20_000)}`]);
    await expectDescribed(answer, 431, method, path);
  });

  it('408: a head that does not come', async () => {
    const [answer] = await sendRaw(
      impatient.address.port,
      `${method} ${concrete(path)} HTTP/1.1\r\nhost: x\r\n`,
    );
    await expectDescribed(answer!, 408, method, path);
  });

  it.runIf(needsKey)('401 and 403: no key, and one that is good for other things', async () => {
    await expectDescribed(await send(guarded, method, path), 401, method, path);
    const answer = await send(guarded, method, path, ['host: x', `x-api-key: ${key}`]);
    await expectDescribed(answer, 403, method, path);
  });

  it.skipIf(needsKey)('needs no key', async () => {
    expect((await send(guarded, method, path)).status).toBe(200);
  });

  it.skipIf(isForProbes)('429: too many requests', async () => {
    for (let i = 0; i < MAX_REQUESTS; i++) await send(limited, method, path);
    await expectDescribed(await send(limited, method, path), 429, method, path);
  });
});
