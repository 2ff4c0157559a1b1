import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { preprocessingSchema } from '../src/core/image/settings.js';
import { pictureOfDrawing } from '../src/core/image/strokes/drawing.js';
import type { Stroke } from '../src/core/image/strokes/rasterize.js';
import type { ServeOptions } from '../src/core/serving/settings.js';
import { createRegistry, createServer, type RobleServer } from '../src/index.js';
import { type HeldServer, startHeldServer } from './support/held-server.js';
import { parseAnswers } from './support/raw-http.js';
import { startServeCommand } from './support/serve-command.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { quarterPixels, quarterPng, TINY_CLASSES, tinyBundle } from './support/tiny-bundle.js';

let root: string;
let bundle: string;
let remove: () => Promise<void>;
let server: RobleServer;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('serve'));
  bundle = await tinyBundle(join(root, 'model'));
  server = await createServer({
    model: bundle,
    port: 0,
    workers: 2,
    maxBodyBytes: 40_000,
    maxPixels: 10_000,
    maxBatch: 8,
    // What is tested here is the way to the model and back.
    cache: { memoryBytes: 0, ttlSeconds: 1 },
  });
});
afterAll(async () => {
  await server.close();
  await remove();
});

interface Answer {
  status: number;
  type: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: a body of the server, checked by the expectations.
  body: any;
}

async function post(path: string, body: RequestInit['body'], type?: string, at = server): Promise<Answer> {
  const response = await fetch(at.url + path, {
    method: 'POST',
    ...(body != null && { body }),
    headers: type === undefined ? {} : { 'content-type': type },
  });
  return answerOf(response);
}
const get = async (path: string, at = server) => answerOf(await fetch(at.url + path));
const json = (path: string, value: unknown, at = server) =>
  post(path, JSON.stringify(value), 'application/json', at);

async function answerOf(response: Response): Promise<Answer> {
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    body: await response.json(),
  };
}

function form(...files: Uint8Array[]): FormData {
  const data = new FormData();
  for (const [i, bytes] of files.entries())
    data.append('image', new Blob([Uint8Array.from(bytes)]), `${i}.png`);
  return data;
}

const nested = (quarter: number) => {
  const flat = quarterPixels(quarter);
  return Array.from({ length: 8 }, (_, row) => flat.slice(8 * row, 8 * row + 8));
};

const labelsOf = ({ body }: Answer) =>
  body.results.map((result: Answer['body']) => result.predictions?.[0].label);

describe('the forms of a request', () => {
  it('a drawing is seen as the picture that training has of the same strokes', async () => {
    const lines: readonly (readonly Stroke[])[] = [
      [
        [
          [1, 1],
          [3, 3],
        ],
      ],
      [
        [
          [5, 1],
          [7, 3],
        ],
        [
          [7, 1],
          [5, 3],
        ],
      ],
    ];
    const quarters = lines.map((strokes) => ({ strokes, unit: 20 }));
    const preprocessing = preprocessingSchema.parse({ width: 8, height: 8 });
    const pixels = quarters.map((drawing) => [...pictureOfDrawing(drawing, preprocessing).pixels]);
    for (const [i, drawing] of quarters.entries()) {
      const [drawn, told] = [
        await json('/predict', { drawing }),
        await json('/predict', { pixels: pixels[i] }),
      ];
      expect([drawn.status, drawn.body.predictions]).toEqual([200, told.body.predictions]);
    }
    const drawn = await json('/predict/batch', { drawings: quarters });
    expect(labelsOf(drawn)).toEqual(labelsOf(await json('/predict/batch', { pixels })));
  });

  it('give the same answer for the same picture', async () => {
    const png = await quarterPng(2, 200);
    const base64 = png.toString('base64');
    const answers = await Promise.all([
      post('/predict', new Uint8Array(png), 'image/png'),
      post('/predict', new Uint8Array(png), 'application/octet-stream'),
      post('/predict', form(png)),
      json('/predict', { image: base64 }),
      json('/predict', { image: png.toString('base64url') }),
      json('/predict', { image: base64.replace(/.{76}/g, '$&\n') }),
      json('/predict', { image: `data:image/png;base64,${base64}` }),
      json('/predict', { pixels: quarterPixels(2, 200) }),
      json('/predict', { pixels: nested(2).map((row) => row.map((value) => (value * 200) / 255)) }),
      json('/predict', { pixels: nested(2).map((row) => row.map((value) => [(value * 200) / 255])) }),
    ]);
    for (const { status, body } of answers) {
      expect(status).toBe(200);
      expect(body.predictions).toEqual(answers[0]!.body.predictions);
      expect(body.model).toEqual({
        name: 'quarters',
        version: server.model.version,
        digest: server.model.digest,
      });
      expect(body.timings.inferenceMs).toBeGreaterThan(0);
    }
    const [best, ...others] = answers[0]!.body.predictions;
    // Softmax in closed form: one logit 16 pixels * 0.25 * 200/255, three of 0.
    const odds = Math.exp(4 * (200 / 255));
    expect(best).toEqual({ label: 'bottom-left', probability: expect.closeTo(odds / (odds + 3), 5) });
    expect(others).toHaveLength(2);
  });

  it('give as many classes as topK says, in the body or in the query', async () => {
    const pixels = quarterPixels(1);
    expect((await json('/predict', { pixels, topK: 1 })).body.predictions).toHaveLength(1);
    expect((await json('/predict?topK=2', { pixels })).body.predictions).toHaveLength(2);
    const all = (await json('/predict', { pixels, topK: 99 })).body.predictions;
    expect(all).toHaveLength(4);
    expect(
      all.reduce((sum: number, { probability }: { probability: number }) => sum + probability, 0),
    ).toBeCloseTo(1, 5);
  });

  it('give what the model saw, where the body or the query says include', async () => {
    const pixels = quarterPixels(1, 90);
    const input = { width: 8, height: 8, channels: 1, pixels: Buffer.from(pixels).toString('base64') };
    const png = await quarterPng(1, 90);
    const answers = [
      (await json('/predict', { pixels, include: ['input'] })).body,
      (await json('/predict?include=input', { pixels })).body,
      (await post('/predict?include=input', new Uint8Array(png), 'image/png')).body,
      (await json('/predict/batch', { pixels: [pixels], include: ['input'] })).body.results[0],
    ];
    expect(answers.map((answer) => answer.input)).toEqual(Array(4).fill(input));
    expect((await json('/predict', { pixels })).body).not.toHaveProperty('input');
  });

  it('keep the order of a batch', async () => {
    const order = [3, 0, 2, 1, 1, 3];
    const wanted = order.map((quarter) => TINY_CLASSES[quarter]);
    const pngs = await Promise.all(order.map((quarter) => quarterPng(quarter)));
    expect(labelsOf(await post('/predict/batch', form(...pngs)))).toEqual(wanted);
    expect(
      labelsOf(await json('/predict/batch', { images: pngs.map((png) => png.toString('base64')) })),
    ).toEqual(wanted);
    expect(
      labelsOf(await json('/predict/batch', { pixels: order.map((quarter) => quarterPixels(quarter)) })),
    ).toEqual(wanted);
    expect(labelsOf(await json('/predict/batch', { pixels: order.map(nested) }))).toEqual(wanted);
  });

  it('tell a bad image of a batch in its place, and answer the others', async () => {
    const png = await quarterPng(0);
    const truncated = png.subarray(0, png.length - 20);
    const images = [png, truncated, Buffer.from('no picture'), png].map((bytes) => bytes.toString('base64'));
    const answer = await json('/predict/batch', { images: [...images, '%%%', ''] });
    expect(answer.status).toBe(200);
    expect(labelsOf(answer)).toEqual(['top-left', undefined, undefined, 'top-left', undefined, undefined]);
    expect(answer.body.results.map((result: Answer['body']) => result.error?.code)).toEqual([
      undefined,
      'ROBLE_IMAGE_TRUNCATED',
      'ROBLE_IMAGE_UNREADABLE',
      undefined,
      'ROBLE_REQUEST_INVALID',
      'ROBLE_IMAGE_EMPTY',
    ]);
  });
});

describe('the id of a request', () => {
  it('is the one that the client sent, in the answer and in its header, or a new one', async () => {
    const ask = (id: string | undefined) =>
      fetch(`${server.url}/predict`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(id !== undefined && { 'x-request-id': id }) },
        body: JSON.stringify({ pixels: nested(0) }),
      });
    const given = await ask('trace-7/a:b');
    expect(given.headers.get('x-request-id')).toBe('trace-7/a:b');
    expect(await given.json()).toMatchObject({ requestId: 'trace-7/a:b' });
    const ids = new Set<string>();
    for (const odd of [undefined, '', 'a b', 'x'.repeat(129), '"; drop table', '<script>', 'caf\u00e9']) {
      const answer = await ask(odd);
      const id = answer.headers.get('x-request-id')!;
      expect(id).toMatch(/^[0-9a-f-]{36}$/);
      expect(await answer.json()).toMatchObject({ requestId: id });
      ids.add(id);
    }
    expect(ids.size).toBe(7);
    expect((await fetch(`${server.url}/nowhere`)).headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('a bad request', () => {
  const picture = async (width: number, height: number) => {
    const { default: sharp } = await import('sharp');
    return sharp({ create: { width, height, channels: 3, background: '#ffffff' } })
      .png()
      .toBuffer();
  };
  const truncated = async () => (await quarterPng(0)).subarray(0, 60);
  const multipart = 'multipart/form-data; boundary=xyz';
  const part = '--xyz\r\ncontent-disposition: form-data; name="a"; filename="a.png"\r\n\r\nabc';
  const many = Array(9).fill(quarterPixels(0));

  it.each<[string, number, string, () => Promise<Answer>]>([
    [
      'truncated image',
      422,
      'ROBLE_IMAGE_TRUNCATED',
      async () => post('/predict', new Uint8Array(await truncated()), 'image/png'),
    ],
    ['no image', 422, 'ROBLE_IMAGE_UNREADABLE', () => post('/predict', 'hello', 'image/png')],
    [
      '1x2 image',
      422,
      'ROBLE_IMAGE_TOO_SMALL',
      async () => post('/predict', new Uint8Array(await picture(1, 2)), 'image/png'),
    ],
    ['1x2 pixels', 422, 'ROBLE_IMAGE_TOO_SMALL', () => json('/predict', { pixels: [[1, 2]] })],
    [
      'too many pixels',
      413,
      'ROBLE_IMAGE_TOO_LARGE',
      async () => post('/predict', new Uint8Array(await picture(200, 100)), 'image/png'),
    ],
    ['empty image', 400, 'ROBLE_IMAGE_EMPTY', () => post('/predict', '', 'image/png')],
    ['no body', 400, 'ROBLE_IMAGE_EMPTY', () => post('/predict', undefined)],
    ['empty JSON', 400, 'ROBLE_REQUEST_INVALID', () => post('/predict', '', 'application/json')],
    ['broken JSON', 400, 'ROBLE_REQUEST_INVALID', () => post('/predict', '{"image":', 'application/json')],
    ['JSON of another form', 400, 'ROBLE_REQUEST_INVALID', () => json('/predict', [1, 2])],
    ['unknown key', 400, 'ROBLE_REQUEST_INVALID', () => json('/predict', { picture: 'abc' })],
    ['two images', 400, 'ROBLE_REQUEST_INVALID', () => json('/predict', { image: 'abc', pixels: [1] })],
    ['neither', 400, 'ROBLE_REQUEST_INVALID', () => json('/predict', {})],
    ['no strokes', 400, 'ROBLE_REQUEST_INVALID', () => json('/predict', { drawing: { strokes: [[]] } })],
    [
      'no numbers in strokes',
      400,
      'ROBLE_REQUEST_INVALID',
      () => json('/predict', { drawing: { strokes: [[['a', 1]]] } }),
    ],
    [
      'a picture and a drawing',
      400,
      'ROBLE_REQUEST_INVALID',
      () => json('/predict', { image: 'abc', drawing: { strokes: [[[1, 1]]] } }),
    ],
    ['not base64', 400, 'ROBLE_REQUEST_INVALID', () => json('/predict', { image: '%%%' })],
    ['topK 0', 400, 'ROBLE_REQUEST_INVALID', () => json('/predict?topK=0', { pixels: quarterPixels(0) })],
    [
      'an unknown inclusion',
      400,
      'ROBLE_REQUEST_INVALID',
      () => json('/predict?include=output', { pixels: quarterPixels(0) }),
    ],
    [
      'topK no number',
      400,
      'ROBLE_REQUEST_INVALID',
      () => json('/predict', { pixels: quarterPixels(0), topK: 'x' }),
    ],
    ['too few pixels', 400, 'ROBLE_IMAGE_SHAPE', () => json('/predict', { pixels: [1, 2, 3] })],
    ['no pixels', 400, 'ROBLE_IMAGE_SHAPE', () => json('/predict', { pixels: [] })],
    ['uneven rows', 400, 'ROBLE_IMAGE_SHAPE', () => json('/predict', { pixels: [[1, 2], [3]] })],
    [
      'uneven channels',
      400,
      'ROBLE_IMAGE_SHAPE',
      () =>
        json('/predict', {
          pixels: [
            [[1], [2, 3]],
            [[4], []],
          ],
        }),
    ],
    [
      'two channels',
      400,
      'ROBLE_IMAGE_SHAPE',
      () => json('/predict', { pixels: Array(2).fill(Array(2).fill([1, 2])) }),
    ],
    [
      'pixel NaN',
      400,
      'ROBLE_REQUEST_INVALID',
      () => json('/predict', { pixels: quarterPixels(0).with(5, Number.NaN) }),
    ],
    [
      'pixel as text',
      400,
      'ROBLE_REQUEST_INVALID',
      () => json('/predict', { pixels: [...quarterPixels(0).slice(1), '7'] }),
    ],
    [
      'pixel 256',
      400,
      'ROBLE_REQUEST_INVALID',
      () => json('/predict', { pixels: quarterPixels(0).with(5, 256) }),
    ],
    [
      'pixel -1',
      400,
      'ROBLE_REQUEST_INVALID',
      () => json('/predict', { pixels: quarterPixels(0).with(5, -1) }),
    ],
    ['text', 415, 'ROBLE_REQUEST_UNSUPPORTED', () => post('/predict', 'hello', 'text/plain')],
    ['XML', 415, 'ROBLE_REQUEST_UNSUPPORTED', () => post('/predict', '<a/>', 'application/xml')],
    [
      'body too large',
      413,
      'ROBLE_REQUEST_TOO_LARGE',
      () => post('/predict', new Uint8Array(50_000), 'image/png'),
    ],
    [
      'form too large',
      413,
      'ROBLE_REQUEST_TOO_LARGE',
      () => post('/predict/batch', form(new Uint8Array(30_000), new Uint8Array(30_000))),
    ],
    [
      'form with two files',
      400,
      'ROBLE_REQUEST_INVALID',
      async () => post('/predict', form(await quarterPng(0), await quarterPng(1))),
    ],
    [
      'form without files',
      400,
      'ROBLE_REQUEST_INVALID',
      () =>
        post(
          '/predict',
          `--xyz\r\ncontent-disposition: form-data; name="a"\r\n\r\nb\r\n--xyz--\r\n`,
          multipart,
        ),
    ],
    ['form that ends early', 400, 'ROBLE_REQUEST_INVALID', () => post('/predict', part, multipart)],
    [
      'form without boundary',
      400,
      'ROBLE_REQUEST_INVALID',
      () => post('/predict', part, 'multipart/form-data'),
    ],
    ['too many images', 413, 'ROBLE_REQUEST_TOO_LARGE', () => json('/predict/batch', { pixels: many })],
    [
      'too many files',
      413,
      'ROBLE_REQUEST_TOO_LARGE',
      () => post('/predict/batch', form(...Array(9).fill(new Uint8Array(10)))),
    ],
    ['empty batch', 400, 'ROBLE_REQUEST_INVALID', () => json('/predict/batch', { images: [] })],
    ['one image for a batch', 400, 'ROBLE_REQUEST_INVALID', () => json('/predict/batch', { image: 'abc' })],
    ['unknown path', 404, 'ROBLE_ROUTE_UNKNOWN', () => get('/nothing')],
    ['path that cannot be decoded', 400, 'ROBLE_REQUEST_INVALID', () => get('/%zz')],
    ['wrong method', 405, 'ROBLE_ROUTE_UNKNOWN', () => get('/predict')],
  ])('%s: %i %s', async (_, status, code, send) => {
    const answer = await send();
    expect(answer).toMatchObject({
      status,
      body: {
        status,
        code,
        type: `urn:roble:error:${code}`,
        title: expect.any(String),
        detail: expect.any(String),
      },
    });
    expect(answer.type).toContain('application/problem+json');
    expect(JSON.stringify(answer.body)).not.toMatch(/node_modules|file:\/\/|\\n +at /);
    expect((await get('/health/ready')).status).toBe(200);
  });

  it('that streams without end is cut at the limit', async () => {
    const port = server.address.port;
    const socket = connect(port, '127.0.0.1');
    socket.write(
      `POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: ${multipart}\r\ntransfer-encoding: chunked\r\n\r\n`,
    );
    const chunk = Buffer.from(
      `--xyz\r\ncontent-disposition: form-data; name="a"; filename="a"\r\n\r\n${'x'.repeat(20_000)}\r\n`,
    );
    let answer = '';
    socket.on('data', (data) => {
      answer += data;
    });
    socket.on('error', () => {});
    // Writing on while the server closes may end in an error, which is no matter here.
    const closed = new Promise((resolve) => socket.once('close', resolve));
    for (let i = 0; i < 200 && socket.writable && !answer; i++) {
      socket.write(`${chunk.length.toString(16)}\r\n`);
      socket.write(chunk);
      socket.write('\r\n');
      await sleep(5);
    }
    await closed;
    expect(answer).toMatch(/^HTTP\/1.1 413/);
  });
});

describe('the state of the server', () => {
  it('says what it counted', async () => {
    const before = (await get('/stats')).body;
    await json('/predict/batch', { pixels: [quarterPixels(0), quarterPixels(1)] });
    await get('/predict');
    const { body } = await get('/stats');
    expect(body.images - before.images).toBe(2);
    expect(body.statuses[200] - (before.statuses[200] ?? 0)).toBe(1);
    expect(body).toMatchObject({
      queue: { waiting: 0, inHand: 0, limit: 1024 },
      workers: { wanted: 2, ready: 2 },
      model: { name: 'quarters', digest: server.model.digest, classes: TINY_CLASSES },
    });
    expect(body.latencyMs.p99).toBeGreaterThanOrEqual(body.latencyMs.p50);
    expect(body.uptimeSeconds).toBeGreaterThan(0);
  });
});

describe('the queue', () => {
  const grid = (first: number, index: number) => [first, index >> 8, index & 255, ...Array(61).fill(0)];

  it('gives the images of one request to an idle model together', async () => {
    await withHeldServer(async (own) => {
      const pixels = Array.from({ length: 5 }, (_, j) => grid(0, j));
      const answer = json('/predict/batch', { pixels }, own);
      await expect.poll(() => own.batches.map(({ count }) => count)).toEqual([5]);
      own.letGo();
      expect((await answer).status).toBe(200);
    });
  });

  it('collects what comes meanwhile into batches; what is too much is refused, before its body has come', async () => {
    await withHeldServer(async (own) => {
      // Four full batches may be in hand.
      const sent = Array.from({ length: 4 }, (_, i) => {
        // Each another picture, for equal ones are computed once.
        const pixels = Array.from({ length: 300 }, (_, j) => grid(i, j));
        return json('/predict/batch', { pixels }, own);
      });
      await expect.poll(async () => (await get('/stats', own)).body.queue.inHand).toBe(1200);
      const more = await json('/predict/batch', { pixels: [grid(4, 0)] }, own);
      expect(more).toMatchObject({ status: 429, body: { code: 'ROBLE_SERVER_BUSY' } });
      const socket = connect(own.address.port, '127.0.0.1');
      socket.write(
        'POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\ncontent-length: 9999\r\n\r\n',
      );
      const [early] = (await once(socket, 'data')) as [Buffer];
      expect(parseAnswers(early)).toMatchObject([
        { status: 429, headers: { 'retry-after': expect.stringMatching(/^[1-9]/) } },
      ]);
      socket.destroy();
      expect(own.batches).toHaveLength(1);
      own.letGo();
      expect((await Promise.all(sent)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
      const stats = (await get('/stats', own)).body;
      expect(stats.images).toBe(1200);
      expect(stats.images / stats.batches).toBeGreaterThan(32);
    }, 300);
  });
});

describe('inference processes', () => {
  it('may be killed under requests, and none is lost', async () => {
    let busy = true;
    const statuses: number[] = [];
    const client = async (quarter: number) => {
      for (let light = 1; busy; light = 1 + (light % 255)) {
        const { status, body } = await json('/predict', { pixels: quarterPixels(quarter, light) });
        statuses.push(status);
        expect(body.predictions?.[0].label).toBe(TINY_CLASSES[quarter]);
      }
    };
    const clients = Promise.all([0, 1, 2, 3, 0, 1, 2, 3].map(client));
    const before = (await get('/stats')).body.workers;
    // Both at once, so that for a while there is none.
    for (const processId of before.processIds) process.kill(processId, 'SIGKILL');
    await expect.poll(async () => (await get('/stats')).body.workers.ready).toBe(2);
    const answered = statuses.length;
    await expect.poll(() => statuses.length).toBeGreaterThan(answered + 20);
    busy = false;
    await clients;
    expect(new Set(statuses)).toEqual(new Set([200]));
    const after = (await get('/stats')).body.workers;
    expect(after.restarts).toBe(before.restarts + 2);
    expect(after.processIds).not.toContain(before.processIds[0]);
  });

  it('that an image ends twice fail that image, and not those that came with it', async () => {
    const own = await fragileServer();
    try {
      const send = (pixels: number[]) => json('/predict', { pixels }, own);
      // While the first is computed, the others queue and become one batch.
      const first = send(quarterPixels(0));
      await isComputing(own);
      const [bad, ...answers] = await Promise.all(
        [quarterPixels(0, 13), ...[0, 1, 2, 3].map((quarter) => quarterPixels(quarter))].map(send),
      );
      expect((await first).status).toBe(200);
      expect(bad).toMatchObject({ status: 503, body: { code: 'ROBLE_SERVER_NOT_READY' } });
      expect(answers.map(({ body }) => body.predictions?.[0].label)).toEqual(TINY_CLASSES);
      expect((await get('/stats', own)).body.workers.restarts).toBe(2);
    } finally {
      await own.close();
    }
  });

  it('that fail at a batch try its images one by one, and are replaced when they go on failing', async () => {
    const own = await fragileServer();
    try {
      const send = (pixels: number[]) => json('/predict', { pixels }, own);
      const restarts = async () => (await get('/stats', own)).body.workers.restarts;
      const first = send(quarterPixels(0));
      await isComputing(own);
      const [bad, ...answers] = await Promise.all(
        [quarterPixels(0, 19), ...[0, 1, 2, 3].map((quarter) => quarterPixels(quarter))].map(send),
      );
      expect((await first).status).toBe(200);
      expect(bad).toMatchObject({ status: 500, body: { code: 'ROBLE_INTERNAL' } });
      expect(answers.map(({ body }) => body.predictions?.[0].label)).toEqual(TINY_CLASSES);
      expect(await restarts()).toBe(0);
      // At the third batch in a row that fails, the process goes.
      for (const status of [500, 500, 500]) expect((await send(quarterPixels(0, 19))).status).toBe(status);
      await expect.poll(restarts).toBe(1);
      expect((await send(quarterPixels(3))).body.predictions[0].label).toBe(TINY_CLASSES[3]);
    } finally {
      await own.close();
    }
  });

  it('that an image hangs are ended, and the next image is answered', async () => {
    const own = await fragileServer({ inferenceTimeoutMs: 2000 });
    try {
      const [hung, next] = await Promise.all([
        json('/predict', { pixels: quarterPixels(0, 17) }, own),
        isComputing(own).then(() => json('/predict', { pixels: quarterPixels(2) }, own)),
      ]);
      expect(hung).toMatchObject({ status: 503, body: { code: 'ROBLE_SERVER_NOT_READY' } });
      expect(next.body.predictions[0].label).toBe(TINY_CLASSES[2]);
      expect((await get('/stats', own)).body.workers.restarts).toBe(2);
    } finally {
      await own.close();
    }
  });

  it('refuse another bundle in the same place, and the server says that it is not ready', async () => {
    const folder = await tinyBundle(join(root, 'swapped'));
    const warnings: string[] = [];
    const own = await createServer(
      { model: folder, port: 0 },
      { reporter: { report: (event) => event.type === 'warning' && warnings.push(event.message) } },
    );
    try {
      const path = join(folder, 'model.onnx');
      await writeFile(path, Buffer.concat([await readFile(path), Buffer.from([0])]));
      process.kill((await get('/stats', own)).body.workers.processIds[0], 'SIGKILL');
      const answer = await json('/predict', { pixels: quarterPixels(0) }, own);
      expect(answer).toMatchObject({ status: 503, body: { code: 'ROBLE_SERVER_NOT_READY' } });
      expect((await get('/health/ready', own)).status).toBe(503);
      expect((await get('/health/live', own)).status).toBe(200);
      expect(warnings.join()).toContain('was changed');
    } finally {
      await own.close();
    }
  });
});

describe('what nobody waits for', () => {
  let light = 100;
  /** Asks about another picture each time, for equal ones are computed once. */
  const withHeaders = async (headers: Record<string, string>, at: RobleServer) => {
    const body = JSON.stringify({ pixels: quarterPixels(1, light++) });
    const type = { 'content-type': 'application/json' };
    return answerOf(
      await fetch(`${at.url}/predict`, { method: 'POST', body, headers: { ...type, ...headers } }),
    );
  };

  it('is dropped from the queue: deadlines that passed with 504, clients that went away without a word', async () => {
    await withHeldServer(async (own) => {
      const queue = async () => (await get('/stats', own)).body.queue;
      const first = withHeaders({}, own);
      await expect.poll(() => own.batches.length).toBe(1);
      const gone = new AbortController();
      const left = fetch(`${own.url}/predict`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ pixels: quarterPixels(1) }),
        signal: gone.signal,
      });
      await expect.poll(async () => (await queue()).waiting).toBe(1);
      expect(await withHeaders({ 'x-timeout-ms': '500' }, own)).toMatchObject({
        status: 504,
        body: { code: 'ROBLE_DEADLINE_EXCEEDED' },
      });
      gone.abort();
      await expect(left).rejects.toThrow();
      await expect.poll(async () => (await queue()).dropped).toEqual({ abandoned: 1, expired: 1 });
      own.letGo();
      expect((await first).status).toBe(200);
      expect((await get('/stats', own)).body).toMatchObject({ batches: 1, queue: { inHand: 0, waiting: 0 } });
    });
  });

  it('x-priority goes before age', async () => {
    await withHeldServer(async (own) => {
      const queue = async () => (await get('/stats', own)).body.queue;
      const first = withHeaders({}, own);
      await expect.poll(() => own.batches.length).toBe(1);
      // More than the model takes at once, so that some of it has to wait.
      const pixels = Array.from({ length: 128 }, (_, i) => quarterPixels(0, 1 + i));
      const low = fetch(`${own.url}/predict/batch`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-priority': 'low' },
        body: JSON.stringify({ pixels }),
      });
      await expect.poll(async () => (await queue()).waiting).toBe(128);
      const high = withHeaders({ 'x-priority': 'high' }, own);
      await expect.poll(async () => (await queue()).waiting).toBe(129);
      own.batches[0]!.answer();
      await expect.poll(() => own.batches.length).toBe(2);
      const { images, count, answer } = own.batches[1]!;
      // Only its picture has light in that corner.
      const corners = Array.from({ length: count }, (_, i) => images[64 * i + 7]! > 0);
      expect(corners).toEqual([true, ...Array(63).fill(false)]);
      answer();
      expect((await high).status).toBe(200);
      await expect.poll(() => own.batches.length).toBe(3);
      own.letGo();
      expect([(await first).status, (await low).status]).toEqual([200, 200]);
    });
  });

  it.each([
    { 'x-timeout-ms': 'soon' },
    { 'x-timeout-ms': '0' },
    { 'x-timeout-ms': '1.5' },
    { 'x-priority': 'urgent' },
  ])('is not guessed: %j is refused', async (headers) => {
    const answer = await withHeaders(headers as Record<string, string>, server);
    expect(answer).toMatchObject({ status: 400, body: { code: 'ROBLE_REQUEST_INVALID' } });
  });
});

describe('starting', () => {
  it('refuses a bundle with a changed byte', async () => {
    const folder = await tinyBundle(join(root, 'changed'));
    const path = join(folder, 'model.onnx');
    const bytes = await readFile(path);
    bytes[bytes.length - 20]! ^= 1;
    await writeFile(path, bytes);
    await expect(createServer({ model: folder, port: 0, workers: 0 })).rejects.toMatchObject({
      code: 'ROBLE_BUNDLE_INVALID',
    });
  });

  it.each([
    ['a taken port', () => ({ port: server.address.port }), 'ROBLE_PORT_IN_USE'],
    // Told by the process that was to have the model.
    ['a device that is not there', () => ({ device: 'cuda:0', workers: 1 }), 'ROBLE_DEVICE_UNAVAILABLE'],
    ['an unknown backend', () => ({ backend: 'onyx' }), 'ROBLE_PLUGIN_UNKNOWN'],
    ['a wrong option', () => ({ workers: -1 }), 'ROBLE_CONFIG_INVALID'],
    ['a missing bundle', () => ({ model: join(root, 'none') }), 'ROBLE_FILE_NOT_FOUND'],
  ])('refuses %s', async (_, options, code) => {
    const given = { model: bundle, port: 0, workers: 0, ...options() };
    await expect(createServer(given)).rejects.toMatchObject({ code });
  });
});

describe('stopping', () => {
  it('is not ready from the first moment, alive to the last, and answers what it took', async () => {
    const own = await startHeldServer(join(root, 'stopped'), {}, { maxBatch: 8 });
    const { port } = own.address;
    const taken = json('/predict', { pixels: quarterPixels(3) }, own);
    await expect.poll(() => own.batches.length).toBe(1);
    // Requests that have begun to come keep their connections.
    const probes = ['ready', 'live'].map((name) => {
      const socket = connect(port, '127.0.0.1');
      socket.write(`GET /health/${name} HTTP/1.1\r\nhost: x\r\n`);
      return socket;
    });
    await Promise.all(probes.map((socket) => once(socket, 'connect')));
    await get('/stats', own);
    const closed = own.close();
    const answers = await Promise.all(
      probes.map(async (socket) => {
        socket.write('\r\n');
        const [answer] = (await once(socket, 'data')) as [Buffer];
        return parseAnswers(answer)[0]!.status;
      }),
    );
    expect(answers).toEqual([503, 200]);
    // By then nobody can come any more, and what was taken is still in hand.
    await expect.poll(() => get('/health/live', own).catch(({ cause }) => cause.code)).toBe('ECONNREFUSED');
    own.letGo();
    expect((await taken).status).toBe(200);
    await closed;
  });

  it('does not wait for a client that keeps its connection, or has not used it, and leaves no process', async () => {
    const patient = { shutdownTimeoutMs: 60_000, connections: { headersTimeoutMs: 60_000 } as never };
    const own = await createServer({ model: bundle, port: 0, workers: 2, ...patient });
    const unused = connect(own.address.port, '127.0.0.1');
    await once(unused, 'connect');
    const agent = new Agent({ keepAlive: true });
    const [response] = await once(httpRequest(`${own.url}/health/live`, { agent }).end(), 'response');
    response.resume();
    const { processIds } = (await get('/stats', own)).body.workers;
    const started = performance.now();
    await own.close();
    expect(performance.now() - started).toBeLessThan(30_000);
    for (const processId of processIds) expect(() => process.kill(processId, 0)).toThrow();
    agent.destroy();
    unused.destroy();
  });

  it('cuts what does not end within the deadline', async () => {
    const own = await createServer({ model: bundle, port: 0, workers: 0, shutdownTimeoutMs: 100 });
    const socket = connect(own.address.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(
      'POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\nexpect: 100-continue\r\ncontent-length: 100\r\n\r\n',
    );
    // The server has the headers, and waits for the body.
    expect(String(await once(socket, 'data'))).toMatch(/^HTTP\/1.1 100 /);
    const started = performance.now();
    await own.close();
    expect(performance.now() - started).toBeLessThan(30_000);
  });

  it('answers every request that it took, and ends the command with 0', async () => {
    const slow = await tinyBundle(join(root, 'slow'), { work: 10 });
    const { child, url } = await startServeCommand(['--model', slow, '--workers', '2'], root);
    let signalled = false;
    const statuses: number[] = [];
    let light = 0;
    const client = async (agent: Agent | false) => {
      // One that keeps its connection goes on until it hears that it ends; others until the server is told to stop.
      for (let ends = false; !ends; ) {
        // Each another picture, so that none is answered from memory.
        const pixels = quarterPixels(1, 1 + (light++ % 255));
        const { status, closes } = await nodePost(`${url}/predict`, { pixels }, agent);
        statuses.push(status);
        ends = agent ? closes : signalled;
      }
    };
    const agent = new Agent({ keepAlive: true });
    const clients = Promise.all([agent, agent, agent, agent, false as const, false as const].map(client));
    await expect.poll(() => statuses.length, { interval: 5 }).toBeGreaterThan(10);
    const before = statuses.length;
    child.kill('SIGTERM');
    signalled = true;
    await clients;
    expect((await child).exitCode).toBe(0);
    expect(statuses.length).toBeGreaterThan(before);
    expect(new Set(statuses)).toEqual(new Set([200]));
    agent.destroy();
  });

  it('of the server by force ends its inference processes', async () => {
    const { child, url } = await startServeCommand(['--model', bundle], root);
    const stats = await (await fetch(`${url}/stats`)).json();
    const [processId] = (stats as Answer['body']).workers.processIds;
    child.kill('SIGKILL');
    await child;
    const isGone = () => {
      try {
        process.kill(processId, 0);
        return false;
      } catch {
        return true;
      }
    };
    await expect.poll(isGone).toBe(true);
  });
});

/** Until the server computes an image, and none waits. */
async function isComputing(own: RobleServer): Promise<void> {
  await expect
    .poll(async () => (await get('/stats', own)).body, { interval: 5 })
    .toMatchObject({ batches: 1, queue: { inHand: 1, waiting: 0 } });
}

async function withHeldServer(test: (own: HeldServer) => Promise<void>, maxBatch = 256): Promise<void> {
  const own = await startHeldServer(join(root, 'held'), {}, { maxBatch });
  try {
    await test(own);
  } finally {
    await own.close();
  }
}

/** A server with a backend whose every batch takes 120 ms. */
async function fragileServer(options: Partial<ServeOptions> = {}): Promise<RobleServer> {
  const registry = createRegistry();
  const module = await fragileBackend(join(root, 'fragile.mjs'));
  registry.register({ name: 'fragile', apiVersion: 1, kind: 'serving-backend', module });
  return createServer({ model: bundle, port: 0, backend: 'fragile', ...options }, { registry });
}

/** A serving backend as a third party may write it; 13 ends its process as a fault of native code would, 17 hangs it. */
async function fragileBackend(path: string): Promise<string> {
  await writeFile(
    path,
    `export const plugin = {
      name: 'fragile',
      async load() {
        return { warmUp: async () => {}, predict, close: async () => {} };
      },
    };
    async function predict(images, count) {
      await new Promise((resolve) => setTimeout(resolve, 120));
      const logits = new Float32Array(4 * count);
      images.forEach((light, i) => {
        if (light === 13) process.kill(process.pid, 'SIGSEGV');
        while (light === 17);
        if (light === 19) throw new Error('Failed to allocate memory.');
        const pixel = i % 64;
        const quarter = (pixel < 32 ? 0 : 2) + (pixel % 8 < 4 ? 0 : 1);
        logits[4 * Math.floor(i / 64) + quarter] += (light / 255) * 0.25;
      });
      return logits.map((logit, i) => {
        const row = logits.subarray(i - (i % 4), i - (i % 4) + 4);
        return Math.exp(logit) / row.reduce((sum, other) => sum + Math.exp(other), 0);
      });
    }`,
  );
  return pathToFileURL(path).href;
}

/** One POST without the retries and the connection pool of `fetch`. An agent `false` opens a connection for it. */
function nodePost(
  url: string,
  value: unknown,
  agent: Agent | false,
): Promise<{ status: number; closes: boolean }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const request = httpRequest(url, { method: 'POST', headers, agent }, (response) => {
      response.resume();
      response.on('end', () =>
        resolve({ status: response.statusCode!, closes: response.headers.connection === 'close' }),
      );
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(JSON.stringify(value));
  });
}
