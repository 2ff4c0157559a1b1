/** What the head of a request decides is answered before its body is asked for (RFC 9110, section 10.1.1). */
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKey } from '../src/core/serving/access/api-keys.js';
import { createServer, type RobleServer } from '../src/index.js';
import { parseAnswers, sendRaw } from './support/raw-http.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { quarterPixels, tinyBundle } from './support/tiny-bundle.js';

const MAX_BODY_BYTES = 100_000;

let server: RobleServer;
/** With a log of predictions, and keys. */
let guarded: RobleServer;
let key: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  const folder = await temporaryFolder('expect');
  ({ remove } = folder);
  const model = await tinyBundle(join(folder.path, 'model'));
  const keysFile = join(folder.path, 'keys.json');
  ({ key } = await createKey(keysFile, { name: 'test', scopes: ['predict'] }));
  const options = { model, port: 0, workers: 0, maxBodyBytes: MAX_BODY_BYTES, admin: { port: 0 } };
  server = await createServer(options as never);
  guarded = await createServer({
    ...options,
    access: { keysFile, rateLimit: { max: 1000, windowSeconds: 60 } },
    predictions: { url: join(folder.path, 'predictions.db') },
  } as never);
});
afterAll(async () => {
  await Promise.all([server?.close(), guarded?.close()]);
  await remove();
});

const adminPort = () => Number(new URL(server.adminUrl!).port);
const head = (line: string, ...headers: string[]) =>
  [`${line} HTTP/1.1`, 'host: x', 'expect: 100-continue', ...headers, '', ''].join('\r\n');

const png = 'content-type: image/png';
const json = 'content-type: application/json';
const short = 'content-length: 9';

describe('a client that waits gets the last answer at once, and nothing else:', () => {
  it.each<[number, string, string[]]>([
    [413, 'POST /predict', [png, 'content-length: 100001']],
    [413, 'POST /predict/batch', ['content-type: multipart/form-data; boundary=x', 'content-length: 100001']],
    [413, 'POST /v2/models/quarters/infer', [json, 'content-length: 100001']],
    [415, 'POST /predict', ['content-type: text/plain', short]],
    [415, 'POST /predict', ['content-type: nonsense', short]],
    [415, 'POST /predict', [short]],
    [415, 'POST /predict', [png, 'content-encoding: zstd', short]],
    [415, 'POST /v2/models/quarters/infer', [json, 'content-encoding: zstd', short]],
    [400, 'POST /predict', ['content-type: multipart/form-data', short]],
    [404, 'POST /nowhere', [png, short]],
    [404, 'POST /v2/nowhere', [json, short]],
    [404, 'POST /predict?model=none', [png, short]],
    [404, 'POST /predict?version=none', [png, short]],
    [404, 'POST /v2/models/none/infer', [json, short]],
    [404, 'POST /v2/models/quarters/versions/none/infer', [json, short]],
    [400, 'POST /v2/models/quarters/infer', [json, short, 'inference-header-content-length: ten']],
    [400, 'POST /v2/models/quarters/infer', [json, short, 'inference-header-content-length: 10']],
    [405, 'POST /stats', [png, short]],
    [405, 'PUT /predict', ['transfer-encoding: chunked']],
    [405, 'PROPFIND /predict', [png, short]],
    [501, 'BREW /predict', [png, short]],
    [501, 'POST /feedback', [json, short]],
    [400, 'POST /predict', [png, short, 'x-timeout-ms: soon']],
    [400, 'POST /predict/batch', [png, short, 'x-priority: mine']],
    [400, 'POST /predict?topK=none', [png, short]],
    [400, 'POST /predict?unknown=1', [png, short]],
    [400, 'POST /%zz', [png, short]],
    [204, 'OPTIONS /predict', [short]],
    [200, 'GET /health/live', [short]],
  ])('%i %s %j', async (status, line, headers) => {
    const answers = await sendRaw(server.address.port, head(line, ...headers));
    expect(answers.map((answer) => answer.status)).toEqual([status]);
    // It may send the body or not, so that nobody can tell where the next request begins.
    expect(answers[0]!.headers.connection).toBe('close');
  });

  it.each<[number, string, string[]]>([
    [401, 'POST /predict', [png, short]],
    [401, 'POST /nowhere', [png, short]],
    [403, 'POST /feedback', [json, short, 'KEY']],
    [415, 'POST /predict', ['content-type: text/plain', short, 'KEY']],
  ])('with keys, %i %s %j', async (status, line, headers) => {
    const own = headers.map((header) => (header === 'KEY' ? `x-api-key: ${key}` : header));
    const answers = await sendRaw(guarded.address.port, head(line, ...own));
    expect(answers.map((answer) => answer.status)).toEqual([status]);
  });

  it.each<[number, string, string[]]>([
    [405, 'POST /metrics', [json, short]],
    [404, 'POST /admin/nowhere', [json, short]],
    [415, 'POST /admin/models/quarters/serve', ['content-type: text/plain', short]],
    [413, 'POST /admin/models/quarters/serve', [json, 'content-length: 100000000']],
    [403, 'POST /admin/models/quarters/serve', [json, short, 'origin: https://example.com']],
    [400, 'POST /admin/models/quarters/serve?version=2', [json, short]],
  ])('of the administration, %i %s %j', async (status, line, headers) => {
    const answers = await sendRaw(adminPort(), head(line, ...headers));
    expect(answers.map((answer) => answer.status)).toEqual([status]);
  });
});

const body = JSON.stringify({ pixels: quarterPixels(1) });

/** Sends the head, the body when it is asked for, and gives the statuses of all answers. */
function sendWhenAsked(port: number, text: string, sent: string): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => {
      if (chunks.length === 0) {
        expect(String(chunk)).toBe('HTTP/1.1 100 Continue\r\n\r\n');
        socket.write(sent);
      }
      chunks.push(chunk);
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(parseAnswers(Buffer.concat(chunks)).map(({ status }) => status)));
    socket.write(text);
  });
}

describe('a client that waits is asked for a body that is of use', () => {
  it.each([
    ['announced', [`content-length: ${body.length}`], body],
    ['in chunks', ['transfer-encoding: chunked'], `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`],
  ])('%s', async (_, headers, sent) => {
    for (const path of ['/predict', '/predict?topK=1'])
      expect(
        await sendWhenAsked(
          server.address.port,
          head(`POST ${path}`, json, 'connection: close', ...headers),
          sent,
        ),
      ).toEqual([100, 200]);
  });

  it('by the administration', async () => {
    const text = head('POST /admin/models/quarters/reload', json, 'connection: close', 'content-length: 2');
    expect(await sendWhenAsked(adminPort(), text, '{}')).toEqual([100, 200]);
  });

  it('and may send it without waiting, and the next request behind it', async () => {
    const first = `${head('POST /predict', json, `content-length: ${body.length}`)}${body}`;
    const next = 'GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n';
    const answers = await sendRaw(server.address.port, first + next);
    expect(answers.map(({ status }) => status)).toEqual([100, 200, 200]);
  });
});

it('who waits for nothing, or asks for something else, is told so', async () => {
  const nothing = await sendRaw(server.address.port, head('GET /health/live', 'connection: close'));
  expect(nothing.map(({ status }) => status)).toEqual([200]);
  const [other] = await sendRaw(
    server.address.port,
    `POST /predict HTTP/1.1\r\nhost: x\r\nexpect: the-unexpected\r\n${png}\r\n${short}\r\n\r\n`,
  );
  expect(other!.status).toBe(417);
});
