/** The Open Inference Protocol v2 of a real server. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RobleServer } from '../src/index.js';
import { type QuarterServer, startQuarterServer } from './support/quarter-server.js';
import { quarterPixels, TINY_CLASSES } from './support/tiny-bundle.js';

const SIDE = 8;
const INFER = '/v2/models/quarters/infer';

let server: RobleServer;
let close: QuarterServer['close'];
beforeAll(async () => {
  ({ server, close } = await startQuarterServer('serve-oip', () => ({ maxBatch: 4, maxBodyBytes: 100_000 })));
});
afterAll(() => close());

interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a body of the server, checked by the expectations.
  body: any;
}

async function ask(path: string, init?: RequestInit): Promise<Answer> {
  const response = await fetch(server.url + path, init);
  return { status: response.status, headers: response.headers, body: await response.json() };
}

const post = (value: unknown, path = INFER, headers: Record<string, string> = {}) =>
  ask(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof value === 'string' ? value : JSON.stringify(value),
  });

/** A tensor of pictures with light in these quarters. */
function tensor(quarters: readonly number[], light = 255, datatype = 'UINT8') {
  return {
    name: 'images',
    shape: [quarters.length, SIDE, SIDE, 1],
    datatype,
    data: quarters.flatMap((quarter) => quarterPixels(quarter, light)),
  };
}

function nested(quarter: number, light: number): number[][][] {
  const flat = quarterPixels(quarter, light);
  return Array.from({ length: SIDE }, (_, row) =>
    flat.slice(SIDE * row, SIDE * (row + 1)).map((value) => [value]),
  );
}

/** The probability of the quarter with the light, in closed form: one logit of 16 pixels * 0.25, three of 0. */
function certainty(light: number): number {
  const odds = Math.exp(4 * (light / 255));
  return odds / (odds + 3);
}

/** What the outputs of an answer say, most probable class by image. */
function bestOf({ body }: Answer): [string, number][] {
  const [{ data, shape }, { data: labels }] = body.outputs;
  return labels.map((label: string, i: number) => [
    label,
    Math.max(...data.slice(i * shape[1], (i + 1) * shape[1])),
  ]);
}

describe('inference', () => {
  it('answers for a batch, in its order, with the id and both outputs', async () => {
    const answer = await post({ id: 'a/7', inputs: [tensor([3, 0, 2], 201)] });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      model_name: 'quarters',
      model_version: server.model.version,
      id: 'a/7',
      outputs: [
        { name: 'probabilities', datatype: 'FP32', shape: [3, 4] },
        { name: 'label', datatype: 'BYTES', shape: [3], data: ['bottom-right', 'top-left', 'bottom-left'] },
      ],
    });
    for (const [, probability] of bestOf(answer)) expect(probability).toBeCloseTo(certainty(201), 5);
  });

  it.each(['UINT8', 'UINT16', 'UINT32', 'UINT64', 'INT16', 'INT32', 'INT64', 'FP32', 'FP64'])(
    'takes %s',
    async (datatype) => {
      const [[label, probability]] = bestOf(await post({ inputs: [tensor([1], 180, datatype)] })) as [
        [string, number],
      ];
      expect([label, probability]).toEqual(['top-right', expect.closeTo(certainty(180), 5)]);
    },
  );

  it('takes nested numbers, versions, and any content type', async () => {
    const inputs = [{ ...tensor([2, 1]), data: [nested(2, 90), nested(1, 90)] }];
    for (const path of ['/versions/1', `/versions/${server.model.digest}`]) {
      const answer = await post({ inputs }, `/v2/models/quarters${path}/infer`, {
        'content-type': 'text/odd',
      });
      expect(bestOf(answer).map(([label]) => label)).toEqual(['bottom-left', 'top-right']);
    }
  });

  it('gives the outputs that are asked for, in their order', async () => {
    const outputs = [{ name: 'label' }, { name: 'probabilities' }];
    const both = await post({ inputs: [tensor([1])], outputs });
    expect(both.body.outputs.map(({ name }: { name: string }) => name)).toEqual(['label', 'probabilities']);
    const one = await post({ inputs: [tensor([1])], outputs: [{ name: 'label' }] });
    expect(one.body.outputs).toEqual([{ name: 'label', datatype: 'BYTES', shape: [1], data: ['top-right'] }]);
  });

  it('shares answers and counts with /predict', async () => {
    const stats = async () => (await ask('/stats')).body;
    const before = await stats();
    const light = 33;
    const told = await ask('/predict', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ pixels: quarterPixels(3, light) }),
    });
    const asked = await post({ inputs: [tensor([3], light)] });
    expect(bestOf(asked)).toEqual([['bottom-right', told.body.predictions[0].probability]]);
    const after = await stats();
    expect(after.batches - before.batches).toBe(1);
    expect(after.images - before.images).toBe(2);
    expect(after.requests - before.requests).toBe(2);
    expect(after.cache.answers.memory - before.cache.answers.memory).toBe(1);
  });
});

/** A request with the numbers as bytes behind the JSON. */
function binaryRequest(
  pixels: Uint8Array,
  shape: readonly number[],
  datatype: string,
  extra: object = {},
  jsonLength?: string,
) {
  const input = { name: 'images', shape, datatype, parameters: { binary_data_size: pixels.length } };
  const json = Buffer.from(JSON.stringify({ inputs: [input], ...extra }));
  return fetch(server.url + INFER, {
    method: 'POST',
    headers: { 'inference-header-content-length': jsonLength ?? String(json.length) },
    body: new Uint8Array(Buffer.concat([json, pixels])),
  });
}

describe('the binary extension', () => {
  const shape = [2, SIDE, SIDE, 1];
  const pixels = Uint8Array.from([...quarterPixels(0, 140), ...quarterPixels(3, 140)]);

  it.each<[string, Uint8Array]>([
    ['UINT8', pixels],
    ['FP32', new Uint8Array(Float32Array.from(pixels).buffer)],
    ['INT64', new Uint8Array(BigInt64Array.from(Array.from(pixels, BigInt)).buffer)],
  ])('takes bytes of %s', async (datatype, bytes) => {
    const response = await binaryRequest(bytes, shape, datatype);
    expect(response.headers.get('content-type')).toContain('application/json');
    const answer = { status: response.status, headers: response.headers, body: await response.json() };
    expect(bestOf(answer)).toEqual([
      ['top-left', expect.closeTo(certainty(140), 5)],
      ['bottom-right', expect.closeTo(certainty(140), 5)],
    ]);
  });

  it('answers in bytes when they are asked for', async () => {
    const response = await binaryRequest(pixels, shape, 'UINT8', {
      parameters: { binary_data_output: true },
    });
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    const body = Buffer.from(await response.arrayBuffer());
    const end = Number(response.headers.get('inference-header-content-length'));
    const { outputs } = JSON.parse(body.subarray(0, end).toString());
    const [floats, texts] = outputs.map(
      ({ parameters }: { parameters: { binary_data_size: number } }) => parameters.binary_data_size,
    );
    expect([floats, texts, body.length]).toEqual([
      4 * 8,
      'top-left'.length + 'bottom-right'.length + 8,
      end + floats + texts,
    ]);
    expect(body.readFloatLE(end)).toBeCloseTo(certainty(140), 5);
    expect(body.readFloatLE(end + 4 * 7)).toBeCloseTo(certainty(140), 5);
    expect(body.readUInt32LE(end + floats)).toBe('top-left'.length);
    expect(body.subarray(-'bottom-right'.length).toString()).toBe('bottom-right');
  });

  it('answers in bytes for one output only', async () => {
    const outputs = [{ name: 'label' }, { name: 'probabilities', parameters: { binary_data: true } }];
    const response = await binaryRequest(pixels, shape, 'UINT8', { outputs });
    const body = Buffer.from(await response.arrayBuffer());
    const end = Number(response.headers.get('inference-header-content-length'));
    expect(JSON.parse(body.subarray(0, end).toString()).outputs).toEqual([
      { name: 'label', datatype: 'BYTES', shape: [2], data: ['top-left', 'bottom-right'] },
      { name: 'probabilities', datatype: 'FP32', shape: [2, 4], parameters: { binary_data_size: 32 } },
    ]);
  });

  it.each<[string, () => Promise<Response>, string]>([
    ['too few bytes', () => binaryRequest(pixels.subarray(1), shape, 'UINT8'), 'ROBLE_IMAGE_SHAPE'],
    ['bytes of another type', () => binaryRequest(pixels, shape, 'FP32'), 'ROBLE_IMAGE_SHAPE'],
    [
      'bytes that are NaN',
      () => binaryRequest(new Uint8Array(Float32Array.from(pixels, () => NaN).buffer), shape, 'FP32'),
      'ROBLE_REQUEST_INVALID',
    ],
    [
      'a length that is none',
      () => binaryRequest(pixels, shape, 'UINT8', {}, 'many'),
      'ROBLE_REQUEST_INVALID',
    ],
    [
      'a length beyond the body',
      () => binaryRequest(pixels, shape, 'UINT8', {}, '99999'),
      'ROBLE_REQUEST_INVALID',
    ],
    [
      'bytes of no tensor',
      () => binaryRequest(Uint8Array.of(), shape, 'UINT8', { inputs: [tensor([1])] }, '20'),
      'ROBLE_REQUEST_INVALID',
    ],
  ])('refuses %s', async (_, send, code) => {
    const response = await send();
    expect([response.status, await response.json()]).toEqual([400, { error: expect.any(String), code }]);
  });
});

describe('a bad request', () => {
  const good = tensor([0]);
  const inputs = (change: object) => post({ inputs: [{ ...good, ...change }] });
  it.each<[string, number, string, () => Promise<Answer>]>([
    ['another model', 404, 'ROBLE_MODEL_UNKNOWN', () => post({}, '/v2/models/other/infer')],
    ['another version', 404, 'ROBLE_MODEL_UNKNOWN', () => post({}, '/v2/models/quarters/versions/2/infer')],
    ['metadata of another model', 404, 'ROBLE_MODEL_UNKNOWN', () => ask('/v2/models/other')],
    [
      'state of another version',
      404,
      'ROBLE_MODEL_UNKNOWN',
      () => ask('/v2/models/quarters/versions/x/ready'),
    ],
    ['unknown path', 404, 'ROBLE_ROUTE_UNKNOWN', () => ask('/v2/nothing')],
    ['wrong method', 405, 'ROBLE_ROUTE_UNKNOWN', () => ask(INFER)],
    ['wrong method of another path', 405, 'ROBLE_ROUTE_UNKNOWN', () => post({}, '/v2/models/quarters')],
    ['no body', 400, 'ROBLE_REQUEST_INVALID', () => ask(INFER, { method: 'POST' })],
    ['no JSON', 400, 'ROBLE_REQUEST_INVALID', () => post('{"inputs":')],
    ['another form', 400, 'ROBLE_REQUEST_INVALID', () => post({ pixels: [1] })],
    ['no input', 400, 'ROBLE_REQUEST_INVALID', () => post({ inputs: [] })],
    ['two inputs', 400, 'ROBLE_REQUEST_INVALID', () => post({ inputs: [good, good] })],
    ['another input', 400, 'ROBLE_REQUEST_INVALID', () => inputs({ name: 'x' })],
    [
      'another output',
      400,
      'ROBLE_REQUEST_INVALID',
      () => post({ inputs: [good], outputs: [{ name: 'logits' }] }),
    ],
    ['text for a number', 400, 'ROBLE_REQUEST_INVALID', () => inputs({ datatype: 'BYTES' })],
    ['an unknown datatype', 400, 'ROBLE_REQUEST_INVALID', () => inputs({ datatype: 'FP16' })],
    ['a shape of another rank', 400, 'ROBLE_IMAGE_SHAPE', () => inputs({ shape: [1, SIDE, SIDE] })],
    ['a shape of no rank', 400, 'ROBLE_IMAGE_SHAPE', () => inputs({ shape: [] })],
    ['another size', 400, 'ROBLE_IMAGE_SHAPE', () => inputs({ shape: [1, 7, SIDE, 1] })],
    ['another order', 400, 'ROBLE_IMAGE_SHAPE', () => inputs({ shape: [1, 1, SIDE, SIDE] })],
    ['a negative size', 400, 'ROBLE_REQUEST_INVALID', () => inputs({ shape: [-1, SIDE, SIDE, 1] })],
    ['an empty batch', 400, 'ROBLE_REQUEST_INVALID', () => inputs({ shape: [0, SIDE, SIDE, 1], data: [] })],
    ['too many images', 413, 'ROBLE_REQUEST_TOO_LARGE', () => post({ inputs: [tensor([0, 1, 2, 3, 0])] })],
    ['an absurd count', 413, 'ROBLE_REQUEST_TOO_LARGE', () => inputs({ shape: [2 ** 50, SIDE, SIDE, 1] })],
    ['too few numbers', 400, 'ROBLE_IMAGE_SHAPE', () => inputs({ data: good.data.slice(1) })],
    ['no numbers', 400, 'ROBLE_REQUEST_INVALID', () => inputs({ data: undefined })],
    ['numbers as an object', 400, 'ROBLE_REQUEST_INVALID', () => inputs({ data: { 0: 1 } })],
    ['uneven rows', 400, 'ROBLE_IMAGE_SHAPE', () => inputs({ data: [[...nested(0, 9).slice(1), [[1]]]] })],
    [
      'NaN',
      400,
      'ROBLE_REQUEST_INVALID',
      () => inputs({ data: good.data.with(3, Number.NaN), datatype: 'FP32' }),
    ],
    ['256', 400, 'ROBLE_REQUEST_INVALID', () => inputs({ data: good.data.with(3, 256), datatype: 'FP32' })],
    ['-1', 400, 'ROBLE_REQUEST_INVALID', () => inputs({ data: good.data.with(3, -1), datatype: 'INT32' })],
    ['1.5 as a whole number', 400, 'ROBLE_REQUEST_INVALID', () => inputs({ data: good.data.with(3, 1.5) })],
    [
      'a number as text',
      400,
      'ROBLE_REQUEST_INVALID',
      () => inputs({ data: (good.data as unknown[]).with(3, '7') }),
    ],
    ['body too large', 413, 'ROBLE_REQUEST_TOO_LARGE', () => post('x'.repeat(100_001))],
    [
      'a time that is none',
      400,
      'ROBLE_REQUEST_INVALID',
      () => post({ inputs: [good] }, INFER, { 'x-timeout-ms': 'soon' }),
    ],
  ])('%s: %i %s', async (_, status, code, send) => {
    const answer = await send();
    expect([answer.status, answer.body]).toEqual([status, { error: expect.stringMatching(/.{20}/), code }]);
    expect(answer.headers.get('content-type')).toContain('application/json');
  });

  it('says what was received and what is expected', async () => {
    const { body } = await inputs({ shape: [1, 7, SIDE, 1] });
    expect(body.error).toBe(
      'The input "images" is not of the model\'s shape. (received [1, 7, 8, 1]; expected [N, 8, 8, 1])',
    );
    expect((await post({}, '/v2/models/other/infer')).body.error).toContain('expected quarters');
  });

  it('names every class of the model once it is right', async () => {
    const answer = await post({ inputs: [tensor([0, 1, 2, 3], 77)] });
    expect(bestOf(answer).map(([label]) => label)).toEqual(TINY_CLASSES);
  });
});
