/** All of a body is used, or refused by its name: what it is encoded with, how large it is, the parts of a form. */
import { join } from 'node:path';
import { brotliCompressSync, constants, createGzip, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RobleServer } from '../src/index.js';
import { type QuarterServer, startQuarterServer } from './support/quarter-server.js';
import { quarterPixels, quarterPng, TINY_CLASSES } from './support/tiny-bundle.js';

const MAX_BODY_BYTES = 100_000;

let server: RobleServer;
let close: QuarterServer['close'];
/** A picture of each quarter. */
let pngs: Buffer[];
beforeAll(async () => {
  ({ server, close } = await startQuarterServer('bodies', (folder) => ({
    maxBodyBytes: MAX_BODY_BYTES,
    maxBatch: 8,
    admin: { host: '127.0.0.1', port: 0 },
    predictions: { url: join(folder, 'predictions.db') },
  })));
  pngs = await Promise.all([0, 1, 2, 3].map((quarter) => quarterPng(quarter)));
});
afterAll(() => close());

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: answers of several forms.
  readonly body: any;
}

async function post(
  path: string,
  body: Uint8Array | FormData | string,
  headers: Record<string, string> = {},
  base = server.url,
): Promise<Answer> {
  const sent = body instanceof Uint8Array ? new Uint8Array(body) : body;
  const response = await fetch(base + path, { method: 'POST', body: sent, headers });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

const json = { 'content-type': 'application/json' };
const tensor = (quarter: number) => ({
  inputs: [{ name: 'images', shape: [1, 8, 8, 1], datatype: 'UINT8', data: quarterPixels(quarter) }],
});

describe('content codings', () => {
  const gzip = (bytes: Uint8Array) => gzipSync(bytes);
  const deflate = (bytes: Uint8Array) => deflateSync(bytes);
  const br = (bytes: Uint8Array) => brotliCompressSync(bytes);
  const codings: readonly [string, (bytes: Uint8Array) => Buffer][] = [
    ['gzip', gzip],
    ['x-gzip', gzip],
    ['GZip', gzip],
    ['deflate', deflate],
    // Without the frame of zlib, as some clients send it (RFC 9110, section 8.4.1.2).
    ['deflate', (bytes) => deflateRawSync(bytes)],
    ['br', br],
    ['identity', (bytes) => Buffer.from(bytes)],
    ['', (bytes) => Buffer.from(bytes)],
    ['deflate, gzip', (bytes) => gzip(deflate(bytes))],
    ['br,, identity , gzip', (bytes) => gzip(br(bytes))],
    // Several members are one body (RFC 1952, section 2.2).
    ['gzip', (bytes) => Buffer.concat([gzip(bytes.subarray(0, 9)), gzip(bytes.subarray(9))])],
  ];

  it.each(codings)('%j: every path that reads a body takes it', async (coding, encode) => {
    const headers = { 'content-encoding': coding };
    const text = (value: unknown) => encode(Buffer.from(JSON.stringify(value)));
    const form = new Response(formOf(file(pngs[1]!), file(pngs[2]!)));
    const formBytes = encode(new Uint8Array(await form.arrayBuffer()));
    const formType = { 'content-type': form.headers.get('content-type')! };
    const sent: [string, Uint8Array, Record<string, string>][] = [
      ['/predict', encode(pngs[1]!), { 'content-type': 'image/png' }],
      ['/predict', text({ pixels: quarterPixels(1) }), json],
      ['/predict/batch', text({ pixels: [quarterPixels(1), quarterPixels(2)] }), json],
      ['/predict/batch', formBytes, formType],
      ['/v2/models/quarters/infer', text(tensor(1)), json],
    ];
    for (const [path, bytes, type] of sent) {
      const { status, body } = await post(path, bytes, { ...type, ...headers });
      expect([path, status, JSON.stringify(body)]).toEqual([
        path,
        200,
        expect.stringContaining(TINY_CLASSES[1]!),
      ]);
    }
    const { body } = await post('/predict', pngs[3]!, { 'content-type': 'image/png' });
    const feedback = text({ requestId: body.requestId, label: TINY_CLASSES[3] });
    await expect
      .poll(async () => (await post('/feedback', feedback, { ...json, ...headers })).status, {
        timeout: 10_000,
      })
      .toBe(201);
    const changed = await post(
      '/admin/models/quarters/reload',
      text({}),
      { ...json, ...headers },
      server.adminUrl,
    );
    expect([changed.status, changed.body.changed]).toEqual([200, false]);
  });

  it.each([
    'zstd',
    'compress',
    'constructor',
    'gzip, zstd',
    'aes128gcm',
    'gzip;q=1',
    'gzip, gzip, gzip, gzip, gzip',
  ])('%j is 415, with what the server takes', async (coding) => {
    const paths = ['/predict', '/predict/batch', '/feedback', '/v2/models/quarters/infer'];
    for (const path of paths) {
      const answer = await post(path, gzip(Buffer.from('{}')), { ...json, 'content-encoding': coding });
      expect([answer.status, answer.body.code, answer.headers.get('accept-encoding')]).toEqual([
        415,
        'ROBLE_CODING_UNSUPPORTED',
        'gzip, deflate, br',
      ]);
      expect(JSON.stringify(answer.body)).toContain(coding);
    }
    // Only a coding is answered so: the header says nothing of types.
    const type = await post('/predict', 'text', { 'content-type': 'text/plain' });
    expect([type.status, type.headers.get('accept-encoding')]).toEqual([415, null]);
  });

  const whole = JSON.stringify({ pixels: quarterPixels(1) });
  it.each<[string, string, () => Buffer]>([
    ['gzip, cut off', 'gzip', () => gzip(Buffer.from(whole)).subarray(0, -9)],
    ['gzip, nothing', 'gzip', () => Buffer.alloc(0)],
    [
      'gzip, followed by something',
      'gzip',
      () => Buffer.concat([gzip(Buffer.from(whole)), Buffer.from('x')]),
    ],
    ['gzip, followed by zeros', 'gzip', () => Buffer.concat([gzip(Buffer.from(whole)), Buffer.alloc(9)])],
    ['gzip, with another checksum', 'gzip', () => changed(gzip(Buffer.from(whole)), -6)],
    ['deflate, cut off', 'deflate', () => deflate(Buffer.from(whole)).subarray(0, -3)],
    [
      'deflate, followed by something',
      'deflate',
      () => Buffer.concat([deflate(Buffer.from(whole)), Buffer.alloc(2)]),
    ],
    ['deflate, with another checksum', 'deflate', () => changed(deflate(Buffer.from(whole)), -1)],
    ['br, cut off', 'br', () => br(Buffer.from(whole)).subarray(0, -3)],
    ['br, followed by something', 'br', () => Buffer.concat([br(Buffer.from(whole)), Buffer.from('x')])],
    ['gzip, not encoded', 'gzip', () => Buffer.from(whole)],
    ['deflate, in another order', 'deflate, gzip', () => deflate(gzip(Buffer.from(whole)))],
  ])('a damaged stream is 400: %s', async (_, coding, bytes) => {
    for (const path of ['/predict', '/v2/models/quarters/infer']) {
      const answer = await post(path, bytes(), { ...json, 'content-encoding': coding });
      expect([answer.status, answer.body.code]).toEqual([400, 'ROBLE_REQUEST_INVALID']);
      expect(JSON.stringify(answer.body)).toMatch(/cannot be decoded/);
    }
  });

  it('the limit is on what comes out, of each layer, and no bomb takes memory', async () => {
    const padded = (length: number) => Buffer.from(whole.padEnd(length));
    const send = (bytes: Buffer, coding: string) =>
      post('/predict', bytes, { ...json, 'content-encoding': coding });
    for (const [coding, encode] of [
      ['gzip', gzip],
      ['deflate', deflate],
      ['br', br],
    ] as const) {
      expect((await send(encode(padded(MAX_BODY_BYTES)), coding)).status).toBe(200);
      const over = await send(encode(padded(MAX_BODY_BYTES + 1)), coding);
      expect(over).toMatchObject({
        status: 413,
        body: { code: 'ROBLE_REQUEST_TOO_LARGE', expected: `at most ${MAX_BODY_BYTES} bytes` },
      });
    }
    // Twice encoded: what comes out of the first layer is within the limit.
    const gzipper = createGzip({ level: constants.Z_BEST_COMPRESSION });
    const bomb = (async () => Buffer.concat(await gzipper.toArray()))();
    for (let i = 0; i < 60; i++) gzipper.write(Buffer.alloc(1_000_000, ' '));
    gzipper.end();
    const twice = gzip(await bomb);
    const before = process.memoryUsage().rss;
    const answers = await Promise.all(Array.from({ length: 50 }, () => send(twice, 'gzip, gzip')));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([413]));
    expect(process.memoryUsage().rss - before).toBeLessThan(150_000_000);
  });

  function changed(bytes: Buffer, at: number): Buffer {
    bytes[bytes.length + at]! ^= 1;
    return bytes;
  }
});

describe('bodies that are too large', () => {
  const over = Buffer.alloc(MAX_BODY_BYTES + 1);
  it.each<[string, Record<string, string>]>([
    ['/predict', { 'content-type': 'image/png' }],
    ['/predict', json],
    ['/predict/batch', { 'content-type': 'multipart/form-data; boundary=x' }],
    ['/feedback', json],
    ['/v2/models/quarters/infer', json],
  ])('%s %j: announced or in chunks, the limit is named', async (path, headers) => {
    const chunked = new ReadableStream({
      start(controller) {
        controller.enqueue(new Uint8Array(over));
        controller.close();
      },
    });
    const inChunks = { method: 'POST', headers, body: chunked, duplex: 'half' } as RequestInit;
    const answers = [
      await fetch(server.url + path, { method: 'POST', headers, body: over }),
      await fetch(server.url + path, inChunks),
    ];
    for (const answer of answers)
      expect([answer.status, await answer.text()]).toEqual([
        413,
        expect.stringContaining(`at most ${MAX_BODY_BYTES} bytes`),
      ]);
  });
});

interface Part {
  readonly name: string;
  readonly fileName?: string;
  readonly type?: string;
  readonly more?: string;
  readonly bytes: Uint8Array | string;
}

const file = (bytes: Uint8Array): [string, Blob, string] => [
  'file',
  new Blob([new Uint8Array(bytes)]),
  'a.png',
];

function formOf(...fields: readonly ([string, Blob, string] | [string, string])[]): FormData {
  const form = new FormData();
  for (const [name, value, fileName] of fields)
    if (typeof value === 'string') form.append(name, value);
    else form.append(name, value, fileName);
  return form;
}

/** A form as clients write it that are no browsers. */
function written(parts: readonly Part[], boundary = 'xyz'): Buffer {
  return Buffer.concat([
    ...parts.flatMap(({ name, fileName, type, more, bytes }) => [
      Buffer.from(
        `--${boundary}\r\ncontent-disposition: form-data; name="${name}"` +
          `${fileName === undefined ? '' : `; filename="${fileName}"`}\r\n` +
          `${type === undefined ? '' : `Content-Type: ${type}\r\n`}${more === undefined ? '' : `${more}\r\n`}\r\n`,
      ),
      Buffer.from(bytes as Uint8Array),
      Buffer.from('\r\n'),
    ]),
    Buffer.from(`--${boundary}--\r\n`),
  ]);
}
const multipart = { 'content-type': 'multipart/form-data; boundary=xyz' };
const send = (path: string, parts: readonly Part[]) => post(path, written(parts), multipart);
const labelsOf = ({ body }: Answer): string[] =>
  body.results.map((one: { predictions: { label: string }[] }) => one.predictions[0]!.label);

describe('forms', () => {
  it('every part that is a picture is answered, in its place, with or without the name of a file', async () => {
    const answer = await send('/predict/batch', [
      { name: 'i', fileName: 'a.png', type: 'image/png', bytes: pngs[3]! },
      { name: 'i', type: 'image/png', bytes: pngs[1]! },
      { name: 'anything', type: 'application/octet-stream', bytes: pngs[2]! },
      { name: 'i', bytes: pngs[0]! },
      { name: 'images', bytes: pngs[1]!.toString('base64') },
      { name: 'image', type: 'text/plain', bytes: `data:image/png;base64,${pngs[2]!.toString('base64')}` },
      { name: 'i', fileName: '', bytes: pngs[3]! },
      {
        name: 'i',
        type: 'image/png',
        more: 'content-transfer-encoding: base64',
        bytes: pngs[0]!.toString('base64'),
      },
    ]);
    expect(answer.status).toBe(200);
    expect(labelsOf(answer)).toEqual([3, 1, 2, 0, 1, 2, 3, 0].map((quarter) => TINY_CLASSES[quarter]));
    for (const part of [{ name: 'image', type: 'image/png' }, { name: 'image' }])
      expect((await send('/predict', [{ ...part, bytes: pngs[1]! }])).body.predictions[0].label).toBe(
        TINY_CLASSES[1],
      );
  });

  it('fields are what the same keys of a JSON body are', async () => {
    const { body: one } = await post('/predict', formOf(['topK', '1'], file(pngs[1]!)));
    expect(one.predictions).toHaveLength(1);
    expect(one.input).toBeUndefined();
    const { body: two } = await post('/predict', formOf(file(pngs[1]!), ['include', 'input'], ['topK', '2']));
    expect([two.predictions.length, two.input.width]).toEqual([2, 8]);
    const { body: batch } = await post(
      '/predict/batch',
      formOf(file(pngs[1]!), file(pngs[2]!), ['topK', '1']),
    );
    expect(batch.results.map(({ predictions }: { predictions: unknown[] }) => predictions.length)).toEqual([
      1, 1,
    ]);
  });

  it.each<[string, Part[]]>([
    ['topk', [{ name: 'topk', bytes: '1' }]],
    ['pixels', [{ name: 'pixels', bytes: '[[0,0],[0,0]]' }]],
    ['model', [{ name: 'model', bytes: 'quarters' }]],
    ['request', [{ name: 'request', type: 'application/json', bytes: '{"topK":1}' }]],
    ['__proto__', [{ name: '__proto__', bytes: 'x' }]],
    ['topK', [{ name: 'topK', bytes: 'many' }]],
    ['topK', [{ name: 'topK', bytes: '' }]],
    [
      'topK',
      [
        { name: 'topK', bytes: '1' },
        { name: 'topK', bytes: '2' },
      ],
    ],
    ['include', [{ name: 'include', bytes: 'output' }]],
    ['text', [{ name: 'text', type: 'text/plain', bytes: 'words' }]],
  ])('what means nothing is refused by its name: %s', async (name, parts) => {
    for (const path of ['/predict', '/predict/batch']) {
      const answer = await send(path, [{ name: 'a', fileName: 'a.png', bytes: pngs[0]! }, ...parts]);
      expect([answer.status, answer.body.detail]).toEqual([400, expect.stringContaining(name)]);
    }
  });

  it.each<[string, string | Buffer]>([
    [
      'a part without a name',
      '--xyz\r\ncontent-disposition: form-data; filename="a"\r\n\r\nx\r\n--xyz--\r\n',
    ],
    [
      'a part that is none of a form',
      '--xyz\r\ncontent-disposition: attachment; filename="a"\r\n\r\nx\r\n--xyz--\r\n',
    ],
    ['a part without headers', '--xyz\r\n\r\nx\r\n--xyz--\r\n'],
    [
      'a part in an unknown encoding',
      '--xyz\r\ncontent-disposition: form-data; name="a"; filename="a"\r\ncontent-transfer-encoding: quoted-printable\r\n\r\nx\r\n--xyz--\r\n',
    ],
    ['no end', '--xyz\r\ncontent-disposition: form-data; name="a"; filename="a"\r\n\r\nx\r\n'],
    ['no end of its headers', '--xyz\r\ncontent-disposition: form-data; name="a"'],
    ['nothing', ''],
    ['no boundary', 'x'],
    ['another boundary', '--abc\r\n\r\nx\r\n--abc--\r\n'],
    [
      'a boundary that goes on',
      '--xyz!\r\ncontent-disposition: form-data; name="a"; filename="a"\r\n\r\nx\r\n--xyz--\r\n',
    ],
    ['no part', '--xyz--\r\n'],
    [
      'long headers',
      `--xyz\r\ncontent-disposition: form-data; name="${'a'.repeat(20_000)}"\r\n\r\nx\r\n--xyz--\r\n`,
    ],
  ])('a form with %s is refused, and not a part of it taken', async (_, bytes) => {
    const { status, body } = await post('/predict', bytes, multipart);
    expect([status, body.code]).toEqual([400, 'ROBLE_REQUEST_INVALID']);
  });

  it('bytes come out as they went in, whatever they are', async () => {
    const answers = fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(3), fc.uint8Array({ maxLength: 40 })), { minLength: 1, maxLength: 8 }),
      fc.constantFrom('xyz', '----WebKitFormBoundaryAbC', "a'()+_,-./:=?b", 'x'.repeat(70)),
      async (pictures, boundary) => {
        // Behind its end a picture may hold anything, also what looks like the end of a part.
        const parts = pictures.map(([quarter, noise]) => ({
          name: 'a',
          fileName: 'a',
          bytes: Buffer.concat([
            pngs[quarter]!,
            noise,
            Buffer.from('\r\n--'),
            noise,
            Buffer.from('\r\n\r\n'),
          ]),
        }));
        const type = { 'content-type': `multipart/form-data; charset=x; boundary="${boundary}"` };
        const answer = await post('/predict/batch', written(parts, boundary), type);
        expect(labelsOf(answer)).toEqual(pictures.map(([quarter]) => TINY_CLASSES[quarter]));
      },
    );
    await fc.assert(answers, { numRuns: 30 });
  });

  it('feedback takes no form, and says what it takes', async () => {
    const answer = await post('/feedback', formOf(['requestId', 'a'], ['label', 'b']));
    expect(answer).toMatchObject({
      status: 415,
      body: { code: 'ROBLE_REQUEST_UNSUPPORTED', expected: 'application/json' },
    });
  });
});

describe('queries and JSON', () => {
  const picture = JSON.stringify({ pixels: quarterPixels(1) });
  const withStroke = (drawing: object) =>
    JSON.stringify({
      drawing: {
        strokes: [
          [
            [1, 1],
            [5, 5],
          ],
        ],
        ...drawing,
      },
    });
  it.each<[string, string, string]>([
    ['topk', '/predict?topk=1', picture],
    ['topK', '/predict?topK=1&topK=2', picture],
    ['topK', '/predict?topK=1', JSON.stringify({ pixels: quarterPixels(1), topK: 2 })],
    ['model', '/predict', JSON.stringify({ pixels: quarterPixels(1), model: 'quarters' })],
    ['colour', '/predict', withStroke({ colour: 'red' })],
    [
      'x and y',
      '/predict',
      withStroke({
        strokes: [
          [
            [1, 1, 0.5],
            [5, 5, 0.5],
          ],
        ],
      }),
    ],
    ['topK', '/feedback?topK=1', JSON.stringify({ requestId: 'a', label: 'b' })],
    ['pixels', '/feedback', JSON.stringify({ requestId: 'a', label: 'b', image: '', pixels: [0] })],
    ['base64', '/predict', JSON.stringify({ image: `${'AAAA'}A` })],
  ])('what would be passed over is refused by its name: %s in %s', async (name, path, body) => {
    const answer = await post(path, body, json);
    expect([answer.status, JSON.stringify(answer.body)]).toEqual([400, expect.stringContaining(name)]);
  });

  it.each<[string, string | Uint8Array]>([
    ["Unexpected token ','", '{"pixels":[,1]}'],
    ['it is empty', ''],
    // In place of a byte that is none there would be another character.
    ['it is not UTF-8', Buffer.from('{"image":"\xff"}', 'latin1')],
    ['it is not UTF-8', Buffer.from('\ufeff{}', 'utf16le')],
    ['__proto__', '{"__proto__":{"topK":1}}'],
  ])('what is no JSON is told so: %s', async (told, body) => {
    for (const path of ['/predict', '/predict/batch', '/feedback']) {
      const answer = await post(path, body, json);
      expect([answer.status, answer.body.detail]).toEqual([400, expect.stringContaining(told)]);
    }
  });

  it('the same in both is no contradiction', async () => {
    const answer = await post('/predict?topK=2', JSON.stringify({ pixels: quarterPixels(1), topK: 2 }), json);
    expect(answer.body.predictions).toHaveLength(2);
  });

  it.each([
    ['POST', '/admin/models/quarters/promote?version=2', undefined],
    ['POST', '/admin/models/reload?model=quarters', undefined],
    ['DELETE', '/admin/models/quarters/canary', '{"version":"2"}'],
    ['DELETE', '/admin/models/quarters/shadow?version=2', undefined],
    ['POST', '/admin/models/quarters/rollback', '{"version":"2"}'],
  ])('of the administration, too: %s %s %s', async (method, path, body) => {
    const init = body === undefined ? {} : { body, headers: json };
    const answer = await fetch(server.adminUrl + path, { method, ...init });
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringMatching(/version|model/)]);
  });
});
