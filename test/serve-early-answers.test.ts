/** Answers that are sent before the body of their request was read reach every client, also one that is still sending. */
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKey } from '../src/core/serving/access/api-keys.js';
import { createServer, type RobleServer } from '../src/index.js';
import { parseAnswers, type RawAnswer } from './support/raw-http.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { tinyBundle } from './support/tiny-bundle.js';

/** More than a kernel holds of a connection that is not read. */
const BODY_BYTES = 12_000_000;

let root: string;
let remove: () => Promise<void>;
const servers: Record<string, RobleServer> = {};
let certificate: Buffer;
let key: string;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('early-answers'));
  const model = await tinyBundle(join(root, 'model'));
  const keysFile = join(root, 'keys.json');
  ({ key } = await createKey(keysFile, { name: 'test', scopes: ['predict'] }));
  const [certFile, keyFile] = [join(root, 'cert.pem'), join(root, 'key.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  await execa('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2'],
    ...[...subject, '-keyout', keyFile, '-out', certFile],
  ]);
  certificate = await readFile(certFile);
  const options = { model, port: 0, workers: 0, maxBodyBytes: 1_000_000, access: { keysFile } };
  servers.http = await createServer(options as never);
  servers.https = await createServer({ ...options, tls: { certFile, keyFile } } as never);
});
afterAll(async () => {
  await Promise.all(Object.values(servers).map((server) => server.close()));
  await remove();
});

function open(scheme: string): Socket {
  const { port } = servers[scheme]!.address;
  return scheme === 'http'
    ? connect({ port, host: '127.0.0.1' })
    : connectTls({ port, host: '127.0.0.1', ca: certificate });
}

/** Sends all that there is before it looks for an answer, as Python's urllib does; reads until the server closes. */
function sendBlindly(scheme: string, head: string, body: Buffer): Promise<RawAnswer[]> {
  return new Promise((resolve, reject) => {
    const socket = open(scheme);
    const chunks: Buffer[] = [];
    socket.pause();
    socket.once('error', reject);
    socket.write(head);
    socket.write(body, () => {
      socket.on('data', (chunk) => chunks.push(chunk));
      socket.once('close', () => resolve(parseAnswers(Buffer.concat(chunks))));
      socket.resume();
    });
  });
}

const multipart = 'content-type: multipart/form-data; boundary=xyz';
const part = '--xyz\r\ncontent-disposition: form-data; name="a"; filename="a"\r\n\r\n';
const withKey = () => `authorization: Bearer ${key}\r\n`;

interface EarlyAnswer {
  readonly name: string;
  readonly request: () => string;
  readonly status: number;
}

const EARLY: readonly EarlyAnswer[] = [
  { name: 'too large', request: () => `POST /predict\r\n${withKey()}content-type: image/png`, status: 413 },
  { name: 'too large a form', request: () => `POST /predict/batch\r\n${withKey()}${multipart}`, status: 413 },
  { name: 'without a key', request: () => 'POST /predict\r\ncontent-type: image/png', status: 401 },
  { name: 'of no type', request: () => `POST /predict\r\n${withKey()}content-type: text/plain`, status: 415 },
  { name: 'on no path', request: () => `POST /nowhere\r\n${withKey()}`, status: 404 },
  {
    name: 'on a path for GET',
    request: () => `POST /stats\r\n${withKey()}`,
    status: 405,
  },
  {
    name: 'with a bad query',
    request: () => `POST /predict?topK=x\r\n${withKey()}${multipart}`,
    status: 400,
  },
];

describe('after a long body reach who sends all of it before it looks,', () => {
  const cases = EARLY.flatMap((answer) => [
    { ...answer, scheme: 'http', framing: 'announced' },
    { ...answer, scheme: 'http', framing: 'chunked' },
  ]);
  cases.push({ ...EARLY[0]!, scheme: 'https', framing: 'announced' });
  cases.push({ ...EARLY[1]!, scheme: 'https', framing: 'chunked' });

  it.each(cases)('$scheme, $framing, $name: $status', async ({ request, status, scheme, framing }) => {
    const [line, ...headers] = request().split('\r\n');
    const body = Buffer.alloc(BODY_BYTES, 'x');
    body.write(part);
    const [length, sent] =
      framing === 'announced'
        ? [`content-length: ${BODY_BYTES}`, body]
        : ['transfer-encoding: chunked', chunked(body)];
    const head = [`${line} HTTP/1.1`, 'host: x', ...headers.filter(Boolean), length, '', ''].join('\r\n');
    const answers = await sendBlindly(scheme, head, sent);
    expect(answers.map((answer) => answer.status)).toEqual([status]);
    expect(answers[0]!.headers.connection).toBe('close');
    expect(JSON.parse(answers[0]!.body)).toMatchObject({ status });
  });
});

it('reach fetch, which looks while it sends', async () => {
  for (let i = 0; i < 5; i++) {
    const response = await fetch(`${servers.http!.url}/predict`, {
      method: 'POST',
      headers: { 'content-type': 'image/png', authorization: `Bearer ${key}` },
      body: new Uint8Array(BODY_BYTES),
    });
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
      413,
      'ROBLE_REQUEST_TOO_LARGE',
    ]);
  }
});

it('leave the connection open where the rest of the body is short', async () => {
  const socket = open('http');
  const body = Buffer.alloc(500_000);
  const request = (path: string) =>
    `POST ${path} HTTP/1.1\r\nhost: x\r\n${withKey()}content-type: image/png\r\ncontent-length: ${body.length}\r\n\r\n`;
  socket.write(request('/nowhere'));
  socket.write(body);
  socket.write(request('/predict').replace('content-length', 'connection: close\r\ncontent-length'));
  socket.end(body);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  expect(parseAnswers(Buffer.concat(chunks)).map(({ status }) => status)).toEqual([404, 422]);
});

it('are the last of their connection: what follows the body is not done', async () => {
  const images = async () =>
    ((await (await fetch(`${servers.http!.url}/stats`)).json()) as { images: number }).images;
  const before = await images();
  const json = JSON.stringify({ pixels: Array(64).fill(0) });
  const next = `POST /predict HTTP/1.1\r\nhost: x\r\n${withKey()}content-type: application/json\r\ncontent-length: ${json.length}\r\n\r\n${json}`;
  const head = `POST /nowhere HTTP/1.1\r\nhost: x\r\n${withKey()}transfer-encoding: chunked\r\n\r\n`;
  const answers = await sendBlindly(
    'http',
    head,
    Buffer.concat([chunked(Buffer.alloc(2_000_000)), Buffer.from(next)]),
  );
  expect(answers.map(({ status }) => status)).toEqual([404]);
  expect(await images()).toBe(before);
});

function chunked(body: Buffer): Buffer {
  const chunks: Buffer[] = [];
  for (let at = 0; at < body.length; at += 1_000_000) {
    const chunk = body.subarray(at, at + 1_000_000);
    chunks.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
  }
  return Buffer.concat([...chunks, Buffer.from('0\r\n\r\n')]);
}
