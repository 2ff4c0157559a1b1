import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ERRORS } from '../src/core/base/errors.js';
import { createServer, type RobleServer } from '../src/index.js';
import { largePng, pngChunk, pngHeader, pngOf } from './support/hostile-images.js';
import { parseAnswers, type RawAnswer, sendRaw } from './support/raw-http.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { quarterPixels, quarterPng, TINY_CLASSES, tinyBundle } from './support/tiny-bundle.js';

let root: string;
let remove: () => Promise<void>;
/** The one that most of this is done to: what it does not survive, the tests that follow see. */
let server: RobleServer;
/** One with bounds that are reached sooner. */
let narrow: RobleServer;
const NARROW = { maxBodyBytes: 1_000_000, maxConnections: 64 };
const warnings: string[] = [];
const reporter = {
  report: (event: { type: string; message?: string }) => {
    if (event.type === 'warning') warnings.push(event.message!);
  },
};
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('serve-hostile'));
  const model = await tinyBundle(join(root, 'model'));
  const common = { model, port: 0, workers: 0, cache: { memoryBytes: 0, ttlSeconds: 1 } };
  const predictions = { url: join(root, 'predictions.db') } as never;
  server = await createServer({ ...common, predictions }, { reporter });
  narrow = await createServer(
    {
      ...common,
      maxBodyBytes: NARROW.maxBodyBytes,
      connections: {
        max: NARROW.maxConnections,
        headersTimeoutMs: 1500,
        receiveTimeoutMs: 3000,
        keepAliveTimeoutMs: 60_000,
        maxHeaderBytes: 16_384,
      },
    },
    { reporter },
  );
});
afterAll(async () => {
  await Promise.all([server.close(), narrow.close()]);
  await remove();
});
/** After everything that was done to them, the servers answer rightly, and count nothing as a fault of their own. */
afterEach(async () => {
  for (const at of [server, narrow]) {
    const { status, body } = await postJson(JSON.stringify({ pixels: quarterPixels(2) }), '/predict', at);
    expect([status, body.predictions?.[0].label]).toEqual([200, TINY_CLASSES[2]]);
    expect((await fetch(`${at.url}/health/ready`)).status).toBe(200);
  }
  expect(warnings.splice(0)).toEqual([]);
});

interface Answer {
  readonly status: number;
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: a body of the server, checked by the expectations.
  readonly body: any;
}

async function post(
  path: string,
  body: RequestInit['body'],
  headers: Record<string, string>,
  at = server,
): Promise<Answer> {
  const response = await fetch(at.url + path, { method: 'POST', body: body!, headers });
  const text = await response.text();
  return {
    status: response.status,
    type: response.headers.get('content-type') ?? '',
    body: text && JSON.parse(text),
  };
}
const postImage = (bytes: Uint8Array, at = server) =>
  post('/predict', new Uint8Array(bytes), { 'content-type': 'application/octet-stream' }, at);
const postJson = (text: string, path = '/predict', at = server) =>
  post(path, text, { 'content-type': 'application/json' }, at);

/** A problem of a known code, which tells nothing of the inside and repeats no flood. */
function expectProblem(
  { status, type, body }: Answer,
  wanted: number | readonly number[],
  code?: string,
): void {
  const shown = JSON.stringify(body);
  expect([wanted].flat(), shown.slice(0, 300)).toContain(status);
  expect(type).toContain('application/problem+json');
  expect(ERRORS).toHaveProperty(body.code);
  expect(body).toMatchObject({ status, type: `urn:roble:error:${body.code}`, ...(code && { code }) });
  expect(shown).not.toMatch(/node_modules|file:\/\/|\\n +at /);
  expect(shown.length).toBeLessThan(4000);
}

function rawProblem({ status, headers, body }: RawAnswer): Answer {
  return { status, type: headers['content-type'] ?? '', body: JSON.parse(body) };
}

const png = (chunks: readonly Uint8Array[]) => pngOf(...chunks);
const data = (bytes: Uint8Array) => pngChunk('IDAT', deflateSync(bytes));
const picture = (width: number, height: number) =>
  sharp({
    create: {
      width,
      height,
      channels: 3,
      background: '#336699',
      noise: { type: 'gaussian', mean: 99, sigma: 30 },
    },
  });

describe('broken images', () => {
  const broken: [string, () => Promise<Uint8Array> | Uint8Array][] = [
    ['a PNG of no size', () => png([pngHeader(0, 0), data(Buffer.alloc(0))])],
    ['a PNG of no width', () => png([pngHeader(0, 8), data(Buffer.alloc(8))])],
    ['a PNG of negative size', () => png([pngHeader(0xffffffff, 0xffffffff), data(Buffer.alloc(9))])],
    ['a PNG of 3 bits', () => png([pngHeader(8, 8, 3), data(Buffer.alloc(72))])],
    ['a PNG of an unknown colour type', () => png([pngHeader(8, 8, 8, 5), data(Buffer.alloc(72))])],
    ['a PNG with a palette that it lacks', () => png([pngHeader(8, 8, 8, 3), data(Buffer.alloc(72))])],
    ['a PNG without data', () => png([pngHeader(8, 8)])],
    [
      'a PNG whose data is not compressed',
      () => png([pngHeader(8, 8), pngChunk('IDAT', Buffer.alloc(72, 7))]),
    ],
    ['a PNG with too few rows', () => png([pngHeader(8, 8), data(Buffer.alloc(20))])],
    ['a PNG without a header', () => png([data(Buffer.alloc(72))])],
    [
      'a PNG with a chunk of 4 GB',
      async () => {
        const bytes = Buffer.from(await quarterPng(0));
        bytes.writeUInt32BE(0xffffffff, 33);
        return bytes;
      },
    ],
    [
      'a PNG with a wrong checksum',
      async () => {
        const bytes = Buffer.from(await quarterPng(0));
        bytes[29]! ^= 1;
        return bytes;
      },
    ],
    ['half a JPEG', async () => (await picture(64, 64).jpeg().toBuffer()).subarray(0, 700)],
    ['a JPEG of tables only', () => Buffer.from('ffd8ffdb00430000ffd9', 'hex')],
    ['half a WebP', async () => (await picture(64, 64).webp().toBuffer()).subarray(0, 200)],
    [
      'a WebP with another size',
      async () => {
        const bytes = Buffer.from(await picture(64, 64).webp().toBuffer());
        bytes.writeUInt32LE(0x7fffffff, 4);
        return bytes;
      },
    ],
    ['half a GIF', async () => (await picture(64, 64).gif().toBuffer()).subarray(0, 900)],
    ['half a TIFF', async () => (await picture(64, 64).tiff().toBuffer()).subarray(0, 100)],
    ['a TIFF whose directory is itself', () => Buffer.from('49492a0008000000ffff08000000', 'hex')],
    ['half an AVIF', async () => (await picture(64, 64).avif({ effort: 0 }).toBuffer()).subarray(0, 300)],
    ['an empty AVIF', () => Buffer.from('0000001c6674797061766966000000006d696631617669666d696166', 'hex')],
    [
      'an animation',
      async () => {
        const frames = [await quarterPng(0), await quarterPng(1)];
        return sharp(frames, { join: { animated: true } })
          .gif()
          .toBuffer();
      },
    ],
    ['a BMP', () => Buffer.concat([Buffer.from('BM'), Buffer.alloc(200)])],
    ['a PDF', () => Buffer.from('%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>')],
    ['a PPM', () => Buffer.concat([Buffer.from('P6 8 8 255\n'), Buffer.alloc(192)])],
    [
      'a script for ImageMagick',
      () => Buffer.from('push graphic-context\nviewbox 0 0 8 8\nimage over 0,0 0,0 "|id"\npop'),
    ],
    ['a ZIP', () => Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(100)])],
    ['zeros', () => Buffer.alloc(10_000)],
  ];

  it.each(broken)('%s', async (_, make) => {
    const answer = await postImage(await make());
    expectProblem(answer, [413, 422]);
  });

  it('every beginning of a picture', async () => {
    const whole = await quarterPng(1);
    for (let length = 1; length < whole.length - 12; length++) {
      const answer = await postImage(whole.subarray(0, length));
      expectProblem(answer, 422, 'ROBLE_IMAGE_TRUNCATED');
    }
  });

  it('every picture with one byte changed is a picture or a problem', async () => {
    const whole = await quarterPng(1);
    for (let at = 0; at < whole.length; at++) {
      const bytes = Buffer.from(whole);
      bytes[at]! ^= 0x55;
      const answer = await postImage(bytes);
      if (answer.status !== 200) expectProblem(answer, [413, 422]);
    }
  });

  it('drawings that are programs: SVG, whatever it is wrapped in', async () => {
    const laughs = `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><defs><g id="a0"><rect width="1" height="1"/></g>${Array.from(
      { length: 30 },
      (_, i) => `<g id="a${i + 1}"><use href="#a${i}"/><use href="#a${i}"/></g>`,
    ).join('')}</defs><use href="#a30"/></svg>`;
    const file =
      '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/hostname">]><svg><text>&x;</text></svg>';
    for (const text of [laughs, `<!-- -->\n${laughs}`, `\ufeff${laughs}`, file])
      for (const bytes of [Buffer.from(text), gzipSync(text)])
        expectProblem(await postImage(bytes), 422, 'ROBLE_IMAGE_UNSUPPORTED');
    const url = `data:image/svg+xml;base64,${Buffer.from(laughs).toString('base64')}`;
    expectProblem(await postJson(JSON.stringify({ image: url })), 422, 'ROBLE_IMAGE_UNSUPPORTED');
  });
});

describe('decompression bombs', () => {
  it('a PNG of 10000x10000 in one colour, alone and in a batch', async () => {
    const bomb = largePng(10_000, 10_000);
    expect(bomb.length).toBeLessThan(20_000);
    expectProblem(await postImage(bomb), 413, 'ROBLE_IMAGE_TOO_LARGE');
    const images = Array(20).fill(bomb.toString('base64'));
    const answer = await postJson(JSON.stringify({ images }), '/predict/batch');
    expect(answer.status).toBe(200);
    for (const { error } of answer.body.results) expect(error.code).toBe('ROBLE_IMAGE_TOO_LARGE');
  });

  it('a small picture with far more data than it needs', async () => {
    const bomb = pngChunk('IDAT', deflateSync(Buffer.alloc(100_000_000)));
    const answer = await postImage(png([pngHeader(8, 8), bomb]));
    if (answer.status !== 200) expectProblem(answer, 422);
  });

  it('texts and colour profiles of 50 MB in a small picture', async () => {
    const flood = deflateSync(Buffer.alloc(50_000_000, 65));
    for (const type of ['zTXt', 'iCCP']) {
      const chunk = pngChunk(type, Buffer.concat([Buffer.from('name\0\0'), flood]));
      const answer = await postImage(png([pngHeader(8, 8), chunk, data(Buffer.alloc(72))]));
      if (answer.status !== 200) expectProblem(answer, 422);
    }
  });

  it.each([
    ['GIF', () => Buffer.from('474946383961ffffffff000000' + '2c00000000ffffffff0002024c01003b', 'hex')],
    [
      'JPEG',
      async () => {
        const bytes = Buffer.from(await picture(64, 64).jpeg().toBuffer());
        const at = bytes.indexOf(Buffer.from('ffc0', 'hex'));
        bytes.writeUInt16BE(0xffff, at + 5);
        bytes.writeUInt16BE(0xffff, at + 7);
        return bytes;
      },
    ],
  ])('a %s that says it is of 65535x65535', async (_, make) => {
    expectProblem(await postImage(await make()), [413, 422]);
  });
});

describe('large bodies', () => {
  it('of as many bytes as may be are read and refused for what they are', async () => {
    const limit = NARROW.maxBodyBytes;
    const image = (bytes: Uint8Array) => postImage(bytes, narrow);
    const json = (text: string) => postJson(text, '/predict', narrow);
    expectProblem(await image(Buffer.alloc(limit, 1)), 422, 'ROBLE_IMAGE_UNREADABLE');
    expectProblem(await json(`{"image":"${'A'.repeat(limit - 20)}"}`), 422, 'ROBLE_IMAGE_UNREADABLE');
    expectProblem(await json(`{"image":"data:${';a'.repeat(limit / 2 - 20)}"}`), 400);
    expectProblem(await json(`{"${'k'.repeat(limit - 20)}":1}`), 400, 'ROBLE_REQUEST_INVALID');
    expectProblem(await json(`{"pixels":[${'1,'.repeat(limit / 2 - 20)}1]}`), 400, 'ROBLE_IMAGE_SHAPE');
    expectProblem(await json(' '.repeat(limit)), 400);
  });

  const limit = 10_485_760;
  it.each(['application/json', 'image/png', 'application/octet-stream'])(
    'that are larger by one byte are not: %s',
    async (type) => {
      const [answer] = await sendRaw(
        server.address.port,
        `POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: ${type}\r\ncontent-length: ${limit + 1}\r\n\r\n`,
      );
      expectProblem(rawProblem(answer!), 413, 'ROBLE_REQUEST_TOO_LARGE');
    },
  );

  it('batches of 2,000 images', async () => {
    const pixels = JSON.stringify(quarterPixels(0));
    const body = `{"pixels":[${Array(2000).fill(pixels).join()}]}`;
    expectProblem(await postJson(body, '/predict/batch'), 413, 'ROBLE_REQUEST_TOO_LARGE');
    const images = JSON.stringify({ images: Array(2000).fill('AAAA') });
    expectProblem(await postJson(images, '/predict/batch'), 413, 'ROBLE_REQUEST_TOO_LARGE');
    const form = new FormData();
    for (let i = 0; i < 1000; i++) form.append('image', new Blob(['x']), `${i}.png`);
    const answer = await post('/predict/batch', form, {});
    expectProblem(answer, 413, 'ROBLE_REQUEST_TOO_LARGE');
  });

  it('forms of 2,000 fields', async () => {
    const form = new FormData();
    for (let i = 0; i < 2000; i++) form.append(`field-${i}`, 'x');
    expectProblem(await post('/predict', form, {}), [400, 413]);
  });
});

describe('JSON', () => {
  const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

  it.each([
    ['cut off', '{"pixels":[1,2'],
    ['with something behind it', '{"pixels":[1]} x'],
    ['NaN', '{"pixels":[NaN]}'],
    ['Infinity', '{"pixels":[Infinity]}'],
    ['a number that is none of ours', `{"pixels":[${'1e999,'.repeat(63)}1]}`],
    ['-1e999', `{"pixels":[${'-1e999,'.repeat(63)}1]}`],
    ['null pixels', `{"pixels":[${'null,'.repeat(63)}1]}`],
    ['texts for pixels', `{"pixels":[${'"1",'.repeat(63)}1]}`],
    ['an object for pixels', '{"pixels":{"length":64,"0":1}}'],
    ['single quotes', "{'pixels':[1]}"],
    ['a bare word', 'pixels'],
    ['null', 'null'],
    ['a number', '7'],
    ['a text', '"pixels"'],
    ['bytes that are no UTF-8', '{"image":"\udc00\ud800"}'],
    ['a NUL', '{"image":"\\u0000"}'],
    ['10,000 levels of pixels', `{"pixels":${deep(10_000)}}`],
    ['100,000 levels', deep(100_000)],
    ['100,000 levels of pixels', `{"pixels":${deep(100_000)}}`],
    ['100,000 levels of a drawing', `{"drawing":{"strokes":${deep(100_000)}}}`],
    ['100,000 levels of an unknown key', `{"x":${deep(100_000)}}`],
    ['100,000 levels of topK', `{"pixels":[1],"topK":${deep(100_000)}}`],
    ['100,000 levels of objects', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
    ['__proto__', `{"__proto__":{"pixels":[1]}}`],
    [
      '__proto__ inside',
      `{"pixels":${JSON.stringify(quarterPixels(0))},"drawing":{"__proto__":{"strokes":[]}}}`,
    ],
    ['constructor.prototype', '{"constructor":{"prototype":{"image":"x"}}}'],
    ['__proto__ beside an image', `{"pixels":${JSON.stringify(quarterPixels(0))},"__proto__":{"topK":1}}`],
    ['100,000 keys', `{${Array.from({ length: 100_000 }, (_, i) => `"k${i}":1`).join()}}`],
    ['topK of 1e308', '{"pixels":[1],"topK":1e308}'],
  ])('%s is refused', async (_, text) => {
    for (const path of ['/predict', '/predict/batch']) {
      const answer = await postJson(text, path);
      // In a batch the fault may be that of one image.
      if (answer.status === 200)
        for (const { error } of answer.body.results)
          expectProblem({ status: error.status, type: 'application/problem+json', body: error }, [400, 422]);
      else expectProblem(answer, [400, 413, 422]);
    }
    expect(({} as { topK?: number; image?: string }).topK).toBeUndefined();
  });

  it.each([
    [
      'of numbers beyond all bounds',
      [
        [
          [-1e308, 1e308],
          [1e308, -1e308],
        ],
      ],
    ],
    [
      'of the smallest numbers',
      [
        [
          [0, 5e-324],
          [5e-324, 0],
        ],
      ],
    ],
    ['of one point', [[[1, 1]]]],
    ['of 50,000 points', [Array.from({ length: 50_000 }, (_, i) => [i % 977, (i * 31) % 983])]],
    [
      'of 20,000 strokes',
      Array.from({ length: 20_000 }, (_, i) => [
        [i, i],
        [i + 1, i],
      ]),
    ],
    ['of points with too many numbers', [[[1, 2, 3, 4]]]],
  ])('a drawing %s is a picture or a problem', async (_, strokes) => {
    for (const unit of [undefined, 0, 5e-324, 1e308]) {
      const answer = await postJson(JSON.stringify({ drawing: { strokes, unit } }));
      if (answer.status !== 200) expectProblem(answer, [400, 413, 422]);
      else
        for (const { probability } of answer.body.predictions) expect(probability).toBeGreaterThanOrEqual(0);
    }
  });
});

describe('paths and headers', () => {
  const LONG = 'a'.repeat(12_000);

  it.each(
    [
      '/../../etc/passwd',
      '/predict/../../etc/passwd',
      '/..%2f..%2fetc%2fpasswd',
      '/%2e%2e/%2e%2e/etc/passwd',
      '/docs/../../package.json',
      '/docs/..%2f..%2fpackage.json',
      '/docs/%2e%2e/package.json',
      '/v2/models/..%2f..%2fetc%2fpasswd',
      '/%00',
      '/predict%00.png',
      '/\\..\\..\\windows',
      '/%ff%fe',
      '/%c0%ae%c0%ae/',
      '//etc/passwd',
      '/__proto__',
      '/constructor',
      `/${LONG}`,
      `/nowhere?a=${LONG}`,
      '/stats/..',
      'http://169.254.169.254/latest/meta-data/',
    ].map((path) => [path.slice(0, 40), path] as const),
  )('GET %s', async (_, path) => {
    const [answer] = await sendRaw(
      server.address.port,
      `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`,
    );
    expect([400, 404, 405, 414]).toContain(answer!.status);
    expect(answer!.body).not.toContain('root:');
    // The other protocol has errors of its own form.
    if (path.startsWith('/v2/')) expect(ERRORS).toHaveProperty(JSON.parse(answer!.body).code);
    else expectProblem(rawProblem(answer!), [400, 404, 405, 414]);
  });

  const pixels = JSON.stringify({ pixels: quarterPixels(0) });
  const request = (headers: string, body = pixels) =>
    `POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${headers}connection: close\r\n` +
    `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

  it.each([
    ['CR LF', 'x-request-id: a\r\nset-cookie: stolen=1\r\n', 200],
    ['a bare CR', 'x-request-id: a\rset-cookie: stolen=1\r\n', 400],
    ['a bare LF', 'x-request-id: a\nset-cookie: stolen=1\r\n', [200, 400]],
    ['CR LF in percents', 'x-request-id: a%0d%0aset-cookie:%20stolen=1\r\n', 200],
    ['a NUL', 'x-request-id: a\0b\r\n', 400],
    ['a folded line', 'x-request-id: a\r\n set-cookie: stolen=1\r\n', [200, 400]],
    ['two of them', 'x-request-id: a\r\nx-request-id: b\r\n', 200],
    ['10 KB of it', `x-request-id: ${'a'.repeat(10_000)}\r\n`, 200],
  ])('x-request-id with %s puts nothing into the answer', async (_, header, status) => {
    const [answer, ...more] = await sendRaw(server.address.port, request(header as string));
    expect(more).toEqual([]);
    expect([status].flat()).toContain(answer!.status);
    expect(answer!.headers).not.toHaveProperty('set-cookie');
    expect(answer!.headers['x-request-id']).toMatch(/^(a|[0-9a-f-]{36})$/);
  });

  it.each([
    ['no HTTP', 'hello\r\n\r\n', 400, 'ROBLE_REQUEST_INVALID'],
    ['the greeting of TLS', Buffer.from('16030100f4010000f00303', 'hex'), 400, 'ROBLE_REQUEST_INVALID'],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'ROBLE_REQUEST_INVALID'],
    ['an unknown method', 'BREW /predict HTTP/1.1\r\nhost: x\r\n\r\n', 501, 'ROBLE_METHOD_UNKNOWN'],
    ['another version', 'GET / HTTP/9.9\r\nhost: x\r\n\r\n', 400, 'ROBLE_REQUEST_INVALID'],
    ['a header without a colon', 'GET / HTTP/1.1\r\nhost x\r\n\r\n', 400, 'ROBLE_REQUEST_INVALID'],
    ['a space before the colon', 'GET / HTTP/1.1\r\nhost : x\r\n\r\n', 400, 'ROBLE_REQUEST_INVALID'],
    ['no Host', 'GET /stats HTTP/1.1\r\nconnection: close\r\n\r\n', 400, 'ROBLE_REQUEST_INVALID'],
    [
      'headers of 17 KB',
      `GET / HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(17_000)}\r\n\r\n`,
      431,
      'ROBLE_REQUEST_TOO_LARGE',
    ],
    [
      'headers of 3 MB',
      `GET / HTTP/1.1\r\nhost: x\r\n${`x: ${'x'.repeat(1000)}\r\n`.repeat(3000)}\r\n`,
      431,
      'ROBLE_REQUEST_TOO_LARGE',
    ],
    [
      'a path of 20 KB',
      `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nhost: x\r\n\r\n`,
      431,
      'ROBLE_REQUEST_TOO_LARGE',
    ],
    [
      'two lengths',
      'POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd',
      400,
      'ROBLE_REQUEST_INVALID',
    ],
    [
      'a negative length',
      'POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n',
      400,
      'ROBLE_REQUEST_INVALID',
    ],
    [
      'a length and chunks',
      'POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
      'ROBLE_REQUEST_INVALID',
    ],
    [
      'a chunk of no size',
      'POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n',
      400,
      'ROBLE_REQUEST_INVALID',
    ],
    [
      'a chunk of 2^70 bytes',
      'POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\ntransfer-encoding: chunked\r\n\r\n400000000000000000\r\nabc',
      400,
      'ROBLE_REQUEST_INVALID',
    ],
    [
      'a chunk with 100 KB of extensions',
      `POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\ntransfer-encoding: chunked\r\n\r\n3;${'x'.repeat(100_000)}\r\nabc\r\n0\r\n\r\n`,
      413,
      'ROBLE_REQUEST_TOO_LARGE',
    ],
    [
      'an unknown expectation',
      'POST /predict HTTP/1.1\r\nhost: x\r\nexpect: tea\r\nconnection: close\r\ncontent-length: 0\r\n\r\n',
      417,
      'ROBLE_REQUEST_INVALID',
    ],
    ['CONNECT', 'CONNECT example.com:443 HTTP/1.1\r\nhost: example.com\r\n\r\n', 501, 'ROBLE_METHOD_UNKNOWN'],
    ['TRACE', 'TRACE /nowhere HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n', 404, 'ROBLE_ROUTE_UNKNOWN'],
    [
      'a wish for WebSockets',
      'GET /predict HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade, close\r\n\r\n',
      405,
      'ROBLE_ROUTE_UNKNOWN',
    ],
  ])('%s', async (_, bytes, status, code) => {
    const [answer, ...more] = await sendRaw(server.address.port, bytes);
    expect(more).toEqual([]);
    expectProblem(rawProblem(answer!), status, code);
    expect(answer!.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('garbage behind good requests comes after their answers', async () => {
    const good = (quarter: number) => {
      const body = JSON.stringify({ pixels: quarterPixels(quarter) });
      return `POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    };
    const answers = await sendRaw(server.address.port, `${good(1)}${good(3)}garbage\r\n\r\nmore garbage`);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 400]);
    const labels = answers.slice(0, 2).map(({ body }) => JSON.parse(body).predictions[0].label);
    expect(labels).toEqual([TINY_CLASSES[1], TINY_CLASSES[3]]);
    expectProblem(rawProblem(answers[2]!), 400, 'ROBLE_REQUEST_INVALID');
  });

  it('a body that is cut off is no request', async () => {
    const socket = connect(server.address.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.end(
      'POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\ncontent-length: 100\r\n\r\nabc',
    );
    socket.resume();
    await once(socket, 'close');
  });

  it.each(
    [
      ['text/plain', 415],
      ['text/html', 415],
      ['application/x-www-form-urlencoded', 415],
      ['application/jsonx', 415],
      ['application/json; charset=utf-16', [200, 400, 415]],
      ['application/json, image/png', [200, 400, 415]],
      ['image/', [400, 415, 422]],
      ['image/svg+xml', 422],
      ['multipart/form-data', 400],
      ['multipart/form-data; boundary=', 400],
      ['multipart/form-data; boundary=a; boundary=b', 400],
      [`multipart/form-data; boundary=${'a'.repeat(5000)}`, 400],
      ['multipart/mixed; boundary=a', [400, 415]],
      ['/', 415],
      ['a'.repeat(5000), 415],
      ['__proto__', 415],
    ].map(([type, status]) => [`${type}`.slice(0, 60), `${type}`, status as number | number[]] as const),
  )('the content type %s is refused', async (_, type, status) => {
    const answer = await post('/predict', '{"image":1}', { 'content-type': type });
    expectProblem(answer, status);
  });
});

describe('slow clients', () => {
  const sockets: Socket[] = [];
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });

  function open(first: string): Socket {
    const socket = connect(narrow.address.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(first);
    sockets.push(socket);
    return socket;
  }

  it('are answered with 408, and others are answered meanwhile', async () => {
    const slow = Array.from({ length: 45 }, (_, i) => {
      const starts = [
        'GET / HTTP/1.1\r\nx: ',
        'POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n',
        'POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data; boundary=a\r\ntransfer-encoding: chunked\r\n\r\n',
      ];
      const socket = open(starts[i % 3]!);
      const chunks: Buffer[] = [];
      socket.on('data', (chunk) => chunks.push(chunk));
      const closed = once(socket, 'close');
      const drip = setInterval(() => socket.writable && socket.write(i % 3 === 2 ? '1\r\nx\r\n' : 'x'), 250);
      return closed.then(() => {
        clearInterval(drip);
        return parseAnswers(Buffer.concat(chunks));
      });
    });
    let isOver = false;
    const all = Promise.all(slow).finally(() => {
      isOver = true;
    });
    let answered = 0;
    while (!isOver) {
      const pixels = quarterPixels(answered % 4);
      const { status } = await postJson(JSON.stringify({ pixels }), '/predict', narrow);
      expect(status).toBe(200);
      answered++;
      await sleep(50);
    }
    expect(answered).toBeGreaterThan(10);
    for (const [answer] of await all) expectProblem(rawProblem(answer!), 408, 'ROBLE_REQUEST_SLOW');
  });

  /** What a socket was sent until it was closed. */
  function receivedBy(socket: Socket): Promise<string> {
    return new Promise((resolve) => {
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.once('close', () => resolve(text));
    });
  }

  it('that say nothing at all are closed', async () => {
    await Promise.all(Array.from({ length: 20 }, () => receivedBy(open(''))));
  });

  it('do not hold more connections than the limit: those on top are closed at once, and later there is room', async () => {
    const count = NARROW.maxConnections + 36;
    const ends = await Promise.all(
      Array.from({ length: count }, () => receivedBy(open('GET / HTTP/1.1\r\n'))),
    );
    const held = ends.filter((text) => text.startsWith('HTTP/1.1 408'));
    expect(held.length).toBeLessThanOrEqual(NARROW.maxConnections);
    expect(held.length).toBeGreaterThan(NARROW.maxConnections - 14);
    expect(ends.filter((text) => text === '').length).toBe(count - held.length);
  });
});

describe('what chance brings', () => {
  const NUM_RUNS = 100;
  const types = fc.constantFrom(
    'application/json',
    'image/png',
    'application/octet-stream',
    'multipart/form-data; boundary=x',
    'text/plain',
    'application/json; charset=latin1',
  );
  const name = fc.constantFrom(
    'x-request-id',
    'x-priority',
    'x-timeout-ms',
    'x-forwarded-for',
    'authorization',
    'x-api-key',
    'accept',
    'content-encoding',
    'traceparent',
    'if-none-match',
    'range',
    'cookie',
  );
  const headers = fc.dictionary(name, fc.string({ unit: 'binary-ascii', maxLength: 40 }).map(headerText), {
    maxKeys: 3,
  });
  const path = fc.constantFrom(
    '/predict',
    '/predict/batch',
    '/predict?topK=x',
    '/feedback',
    '/stats',
    '/',
    '/__proto__',
  );

  async function isAnsweredWell(answer: Answer): Promise<void> {
    if (answer.status === 200) return;
    expect(answer.status).toBeLessThan(500);
    expectProblem(answer, answer.status);
  }

  it('as bytes', async () => {
    const magic = fc.constantFrom(
      '',
      '89504e470d0a1a0a',
      'ffd8ffe0',
      '474946383961',
      '49492a00',
      '52494646',
      '7b',
    );
    const body = fc
      .tuple(magic, fc.uint8Array({ maxLength: 400 }))
      .map(([start, rest]) => Buffer.concat([Buffer.from(start, 'hex'), rest]));
    await fc.assert(
      fc.asyncProperty(path, types, headers, body, async (path, type, headers, body) => {
        await isAnsweredWell(await post(path, new Uint8Array(body), { ...headers, 'content-type': type }));
      }),
      { numRuns: NUM_RUNS },
    );
  });

  it('as JSON', async () => {
    const key = fc.constantFrom(
      'image',
      'images',
      'pixels',
      'drawing',
      'drawings',
      'strokes',
      'unit',
      'topK',
      '__proto__',
      'requestId',
      'label',
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'medium' },
        fc.jsonValue({ maxDepth: 2 }),
        fc.double(),
        fc.constantFrom('', 'AAAA', 'data:image/png;base64,', 'iVBORw0KGgo='),
        fc.array(tie('value'), { maxLength: 5 }),
        fc.dictionary(key, tie('value'), { maxKeys: 3 }),
      ),
    }));
    const body = fc.oneof(fc.dictionary(key, value, { maxKeys: 4 }), value);
    await fc.assert(
      fc.asyncProperty(path, headers, body, async (path, headers, body) => {
        const text = JSON.stringify(body) ?? '';
        await isAnsweredWell(await post(path, text, { ...headers, 'content-type': 'application/json' }));
      }),
      { numRuns: NUM_RUNS },
    );
  });

  it('as bytes on the connection', async () => {
    const line = fc.oneof(
      fc.constantFrom(
        'GET / HTTP/1.1',
        'POST /predict HTTP/1.1',
        'host: x',
        'content-length: 5',
        'transfer-encoding: chunked',
        'content-type: application/json',
        '',
        '{}',
        '0',
      ),
      fc.string({ unit: 'binary-ascii', maxLength: 30 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 8 }), async (lines) => {
        const socket = connect(server.address.port, '127.0.0.1');
        const chunks: Buffer[] = [];
        socket.on('data', (chunk) => chunks.push(chunk));
        socket.on('error', () => {});
        socket.end(`${lines.join('\r\n')}\r\n\r\n`);
        await once(socket, 'close');
        for (const answer of parseAnswers(Buffer.concat(chunks)))
          if (answer.status >= 300) {
            expect(answer.status).toBeLessThan(500);
            expectProblem(rawProblem(answer), answer.status);
          }
      }),
      { numRuns: NUM_RUNS },
    );
  });

  /** What `fetch` lets into a header. */
  function headerText(text: string): string {
    return text.replace(/[^\x20-\x7e]/g, '').trim();
  }
});
