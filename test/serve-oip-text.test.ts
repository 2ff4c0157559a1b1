/**
 * The texts of the Open Inference Protocol v2 over HTTP and of the extensions that the server advertises, line by line:
 * each test states one. Clients rely on all of a text once its name is advertised.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RobleServer } from '../src/index.js';
import { type QuarterServer, startQuarterServer } from './support/quarter-server.js';
import { quarterPixels, TINY_CLASSES } from './support/tiny-bundle.js';

const SIDE = 8;
const SIZE = SIDE * SIDE;
const MODEL = '/v2/models/quarters';
const HEADER = 'inference-header-content-length';

let server: RobleServer;
let close: QuarterServer['close'];
beforeAll(async () => {
  ({ server, close } = await startQuarterServer('serve-oip-text', () => ({
    maxBatch: 4,
    maxBodyBytes: 100_000,
  })));
});
afterAll(() => close());

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: a message of the protocol, checked by the expectations.
  readonly json: any;
  /** What comes behind the JSON. */
  readonly behind: Buffer;
}

async function ask(path: string, init?: RequestInit): Promise<Answer> {
  const response = await fetch(server.url + path, init);
  const bytes = Buffer.from(await response.arrayBuffer());
  const end = Number(response.headers.get(HEADER) ?? bytes.length);
  const json = JSON.parse(bytes.toString('utf8', 0, end));
  return { status: response.status, headers: response.headers, bytes, json, behind: bytes.subarray(end) };
}

/** Sends JSON, or JSON with bytes behind it. */
function infer(message: unknown, behind?: Uint8Array, path = `${MODEL}/infer`): Promise<Answer> {
  const json = Buffer.from(JSON.stringify(message));
  if (!behind) return ask(path, { method: 'POST', body: new Uint8Array(json) });
  return ask(path, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream', [HEADER]: `${json.length}` },
    body: new Uint8Array(Buffer.concat([json, behind])),
  });
}

const input = (light = 255, change: object = {}) => ({
  name: 'images',
  shape: [1, SIDE, SIDE, 1],
  datatype: 'UINT8',
  data: quarterPixels(1, light),
  ...change,
});
const binaryInput = (bytes: Uint8Array, change: object = {}) => ({
  name: 'images',
  shape: [1, SIDE, SIDE, 1],
  datatype: 'UINT8',
  parameters: { binary_data_size: bytes.length },
  ...change,
});
const pixels = (quarter: number, light: number) => Uint8Array.from(quarterPixels(quarter, light));

/** A refusal has an error status, and says in the protocol's form, and by its name, what is refused. */
function expectRefusal(answer: Answer, names: string | RegExp, status = 400): void {
  expect(answer.json).toEqual({
    error: typeof names === 'string' ? expect.stringContaining(names) : expect.stringMatching(names),
    code: expect.any(String),
  });
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toMatch(/^application\/json(; charset=utf-8)?$/);
}

const PATHS = [MODEL, `${MODEL}/versions/1`];

describe('the paths', () => {
  it('server metadata: name, version and extensions at v2 and v2/', async () => {
    const { json, status, headers } = await ask('/v2');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('application/json');
    expect(json).toEqual({
      name: expect.any(String),
      version: expect.any(String),
      extensions: ['binary_tensor_data', 'classification'],
    });
    expect((await ask('/v2/')).json).toEqual(json);
  });

  it('server live and server ready: "live" is a truth value in both', async () => {
    expect((await ask('/v2/health/live')).json).toEqual({ live: true });
    expect((await ask('/v2/health/ready')).json).toEqual({ live: true, ready: true });
  });

  it.each(PATHS)('%s/ready: the name of the model and whether it is ready', async (path) => {
    expect((await ask(`${path}/ready`)).json).toEqual({ name: 'quarters', ready: true });
  });

  it.each(PATHS)(
    '%s: name, versions, platform, and name, datatype and shape of each tensor',
    async (path) => {
      expect((await ask(path)).json).toEqual({
        name: 'quarters',
        versions: [server.model.version],
        // Of the platforms that the text allows, the one of models for ONNX Runtime.
        platform: 'onnx_onnxv1',
        inputs: [{ name: 'images', datatype: 'UINT8', shape: [-1, SIDE, SIDE, 1] }],
        outputs: [
          { name: 'probabilities', datatype: 'FP32', shape: [-1, TINY_CLASSES.length] },
          { name: 'label', datatype: 'BYTES', shape: [-1] },
        ],
      });
    },
  );

  it('"versions" are those that may be asked for by their paths', async () => {
    const { versions } = (await ask(MODEL)).json;
    for (const version of versions) {
      const path = `${MODEL}/versions/${version}`;
      expect((await ask(path)).json.name).toBe('quarters');
      expect((await ask(`${path}/ready`)).json.ready).toBe(true);
      expect((await infer({ inputs: [input()] }, undefined, `${path}/infer`)).json.model_version).toBe(
        version,
      );
    }
  });

  it.each([
    ['another model', '/v2/models/other', 404, 'other'],
    ['another version', `${MODEL}/versions/7`, 404, '"7"'],
    ['the state of another model', '/v2/models/other/ready', 404, 'other'],
    ['another path', '/v2/nothing', 404, '/v2/nothing'],
    ['a path that cannot be decoded', '/v2/models/%ff', 400, '%ff'],
  ])('%s: an error status, and a body with "error"', async (_, path, status, names) => {
    expectRefusal(await ask(path), names, status);
  });
});

describe('an inference request', () => {
  it('id: comes back in the answer, and is not there when it was not given', async () => {
    expect((await infer({ id: 'ä 42', inputs: [input()] })).json.id).toBe('ä 42');
    expect((await infer({ id: '', inputs: [input()] })).json.id).toBe('');
    expect((await infer({ inputs: [input()] })).json).not.toHaveProperty('id');
    expectRefusal(await infer({ id: 42, inputs: [input()] }), '"id": expected text, received 42');
  });

  it('parameters: an object with none or more', async () => {
    const parameters = {};
    const outputs = [{ name: 'label', parameters }];
    expect((await infer({ parameters, inputs: [input(9, { parameters })], outputs })).status).toBe(200);
    expectRefusal(await infer({ parameters: [], inputs: [input()] }), '"parameters"');
  });

  it.each<[string, object]>([
    ['id', { id: null }],
    ['parameters', { parameters: null }],
    ['outputs', { outputs: null }],
    ['model_name', { model_name: null }],
    ['a parameter', { parameters: { binary_data_output: null } }],
    ['parameters of the input', { inputs: [input(255, { parameters: null })] }],
    ['a parameter of the input', { inputs: [input(255, { parameters: { binary_data_size: null } })] }],
    [
      'parameters of an output',
      { outputs: [{ name: 'label', parameters: null }, { name: 'probabilities' }] },
    ],
    [
      'a parameter of an output',
      { outputs: [{ name: 'probabilities', parameters: { binary_data: null, classification: null } }] },
    ],
  ])('null stands for what is absent: %s', async (_, change) => {
    const { status, json } = await infer({ inputs: [input()], ...change });
    expect([status, json.outputs?.length]).toEqual([200, expect.any(Number)]);
    expect(json).not.toHaveProperty('id');
  });

  it('data: null beside bytes is as absent as no data', async () => {
    const bytes = pixels(2, 200);
    const { json } = await infer({ inputs: [binaryInput(bytes, { data: null })] }, bytes);
    expect(json.outputs[1].data).toEqual(['bottom-left']);
  });

  it('model_name: as in the examples of the text, when it is that of the path', async () => {
    expect((await infer({ model_name: 'quarters', inputs: [input()] })).status).toBe(200);
    expectRefusal(await infer({ model_name: 'other', inputs: [input()] }), 'received other', 404);
  });

  it.each<[string, object, string]>([
    ['of the request', { model_version: '1' }, '"model_version"'],
    ['of the request, misspelt', { output: [] }, 'Did you mean "outputs"?'],
    ['among the parameters', { parameters: { sequence_id: 7 } }, '"parameters.sequence_id"'],
    ['urgency', { parameters: { priority: 1 } }, 'Send the header x-priority'],
    ['time', { parameters: { timeout: 1000 } }, 'Send the header x-timeout-ms'],
    ['of the input', { inputs: [input(255, { content_type: 'np' })] }, '"inputs[0].content_type"'],
    [
      'among the parameters of the input',
      { inputs: [input(255, { parameters: { shared_memory_region: 'a' } })] },
      '"inputs[0].parameters.shared_memory_region"',
    ],
    ['of an output', { outputs: [{ name: 'label', datatype: 'BYTES' }] }, '"outputs[0].datatype"'],
    [
      'among the parameters of an output',
      { outputs: [{ name: 'label', parameters: { binary: true } }] },
      '"outputs[0].parameters.binary"',
    ],
  ])('what is not done here is refused by its name: %s', async (_, change, name) => {
    expectRefusal(await infer({ inputs: [input()], ...change }), name);
  });

  it('nothing is asked for in the query', async () => {
    expectRefusal(await infer({ inputs: [input()] }, undefined, `${MODEL}/infer?topK=2`), '"topK"');
  });

  it('inputs: all that the model has, and no other', async () => {
    expectRefusal(await infer({}), '"inputs"');
    expectRefusal(await infer({ inputs: [] }), '"inputs"');
    expectRefusal(await infer({ inputs: [input(), input()] }), '"inputs"');
    expectRefusal(await infer({ inputs: [input(255, { name: 'x' })] }), 'expected "images", received "x"');
  });

  it('shape: the full shape of the batch, of whole numbers', async () => {
    const shape = [3, SIDE, SIDE, 1];
    const data = [0, 1, 2].flatMap((quarter) => quarterPixels(quarter, 99));
    const { json } = await infer({ inputs: [input(0, { shape, data })] });
    expect(json.outputs.map((output: { shape: number[] }) => output.shape)).toEqual([[3, 4], [3]]);
    for (const wrong of [[SIZE], [1, SIDE, SIDE], [1, SIDE, SIDE, 3], [2, SIDE, SIDE, 1]])
      expectRefusal(await infer({ inputs: [input(9, { shape: wrong })] }), /\[N, 8, 8, 1\]|128 numbers/);
    for (const wrong of [-1, 0, 1.5, '1', null, 2 ** 64])
      expectRefusal(
        await infer({ inputs: [input(9, { shape: [wrong, SIDE, SIDE, 1] })] }),
        '"inputs[0].shape[0]"',
      );
  });

  it('data: in its many dimensions or flat', async () => {
    const flat = quarterPixels(3, 77);
    const nested = [
      Array.from({ length: SIDE }, (_, y) => flat.slice(y * SIDE, (y + 1) * SIDE).map((value) => [value])),
    ];
    const [one, other] = await Promise.all(
      [flat, nested].map((data) => infer({ inputs: [input(0, { data })] })),
    );
    expect(one!.json.outputs[1].data).toEqual(['bottom-right']);
    expect(other!.json.outputs).toEqual(one!.json.outputs);
  });

  it.each<[string, unknown, string]>([
    ['text', '7', 'received 7'],
    ['a truth value', true, 'received true'],
    ['null', null, 'expected whole numbers 0..255 for UINT8'],
    ['a fraction', 0.5, 'received 0.5'],
    ['beyond the datatype', 256, 'received 256'],
    ['below it', -1, 'received -1'],
    ['a list', [7], 'expected whole numbers'],
  ])('an element of data that is no number of the datatype is refused: %s', async (_, value, says) => {
    const data = (quarterPixels(0) as unknown[]).with(40, value);
    expectRefusal(await infer({ inputs: [input(0, { data })] }), says);
  });

  it('a number that no datatype holds is refused', async () => {
    const text = JSON.stringify({ inputs: [input(0, { datatype: 'FP64' })] }).replace(',0,', ',1e400,');
    expectRefusal(await ask(`${MODEL}/infer`, { method: 'POST', body: text }), 'received Infinity');
  });

  it.each(['BOOL', 'INT8', 'FP16', 'BF16', 'BYTES', 'uint8', ''])(
    'a datatype that holds no picture is refused by its name: "%s"',
    async (datatype) => {
      expectRefusal(
        await infer({ inputs: [input(1, { datatype })] }),
        '"inputs[0].datatype": expected one of',
      );
    },
  );

  it('outputs: those that are named, in their order; without them all', async () => {
    const namesFor = async (outputs: unknown) =>
      (await infer({ inputs: [input()], outputs })).json.outputs.map(({ name }: { name: string }) => name);
    expect(await namesFor(undefined)).toEqual(['probabilities', 'label']);
    expect(await namesFor([])).toEqual(['probabilities', 'label']);
    expect(await namesFor([{ name: 'label' }])).toEqual(['label']);
    expect(await namesFor([{ name: 'label' }, { name: 'probabilities' }])).toEqual([
      'label',
      'probabilities',
    ]);
    expectRefusal(await infer({ inputs: [input()], outputs: [{ name: 'logits' }] }), '"outputs[0].name"');
  });

  it('the answer: model_name, model_version, and name, shape, datatype and data of each output', async () => {
    const { json } = await infer({ inputs: [input(0)] });
    expect(json).toEqual({
      model_name: 'quarters',
      model_version: server.model.version,
      outputs: [
        { name: 'probabilities', shape: [1, 4], datatype: 'FP32', data: [0.25, 0.25, 0.25, 0.25] },
        { name: 'label', shape: [1], datatype: 'BYTES', data: ['top-left'] },
      ],
    });
  });

  it.each<[string, RequestInit['body'], string]>([
    ['no body', undefined, 'no body'],
    ['no JSON', '{', 'not JSON'],
    ['JSON that is no UTF-8', new Uint8Array([0x22, 0xff, 0x22]), 'it is not UTF-8'],
    ['no object', '[]', 'received []'],
    ['null', 'null', 'received null'],
  ])('%s: an error status, and a body with "error"', async (_, body, says) => {
    expectRefusal(await ask(`${MODEL}/infer`, { method: 'POST', ...(body && { body }) }), says);
  });
});

describe('binary tensor data', () => {
  const arrays = [
    ['UINT8', Uint8Array],
    ['UINT16', Uint16Array],
    ['UINT32', Uint32Array],
    ['INT16', Int16Array],
    ['INT32', Int32Array],
    ['FP32', Float32Array],
    ['FP64', Float64Array],
  ] as const;
  const longArrays = [
    ['UINT64', BigUint64Array],
    ['INT64', BigInt64Array],
  ] as const;
  // Another number in each place: one that is read from another place, or in another order, is another picture.
  const values = Array.from({ length: SIZE }, (_, i) => (i * 89) % 256);

  it.each([
    ...arrays.map(([datatype, Numbers]) => [datatype, Numbers.from(values).buffer] as const),
    ...longArrays.map(([datatype, Numbers]) => [datatype, Numbers.from(values.map(BigInt)).buffer] as const),
  ])('%s: little-endian, row-major, in its native size', async (datatype, buffer) => {
    const bytes = new Uint8Array(buffer);
    const sent = await infer({ inputs: [binaryInput(bytes, { datatype })] }, bytes);
    const told = await infer({ inputs: [input(0, { data: values, datatype })] });
    expect(sent.json.outputs).toEqual(told.json.outputs);
    expect(sent.status).toBe(200);
  });

  it('a datatype that holds no picture is refused by its name', async () => {
    for (const datatype of ['BOOL', 'INT8', 'FP16', 'BYTES'])
      expectRefusal(
        await infer({ inputs: [binaryInput(pixels(0, 9), { datatype })] }, pixels(0, 9)),
        `received "${datatype}"`,
      );
  });

  /** The names of the outputs that came as bytes. */
  const binaryOnes = ({ json }: Answer): string[] =>
    json.outputs.flatMap((output: { name: string; data?: unknown; parameters?: object }) =>
      output.parameters && !output.data ? [output.name] : [],
    );

  it.each<[string, object, string[]]>([
    ['neither is given: as JSON', {}, []],
    ['binary_data_output: all', { parameters: { binary_data_output: true } }, ['probabilities', 'label']],
    ['binary_data_output is false', { parameters: { binary_data_output: false } }, []],
    ['binary_data: that one', { outputs: [{ name: 'probabilities' }, bin('label', true)] }, ['label']],
    [
      'binary_data overrides binary_data_output',
      {
        parameters: { binary_data_output: true },
        outputs: [bin('label', false), { name: 'probabilities' }],
      },
      ['probabilities'],
    ],
  ])('outputs: %s', async (_, change, expected) => {
    const answer = await infer({ inputs: [input(50)], ...change });
    expect(binaryOnes(answer)).toEqual(expected);
    // The header and the type say so where any came so, and only there.
    expect(answer.headers.has(HEADER)).toBe(expected.length > 0);
    expect(answer.headers.get('content-type')).toBe(
      expected.length > 0 ? 'application/octet-stream' : 'application/json',
    );
    expect(answer.headers.get('content-length')).toBe(`${answer.bytes.length}`);
  });

  function bin(name: string, binary_data: boolean) {
    return { name, parameters: { binary_data } };
  }

  it('the bytes come in the order of the outputs; BYTES each with its length in four bytes', async () => {
    const outputs = [bin('label', true), bin('probabilities', true)];
    const { json, behind } = await infer({ inputs: [input(0)], outputs });
    const sizes = json.outputs.map(
      ({ parameters }: { parameters: { binary_data_size: number } }) => parameters.binary_data_size,
    );
    expect(sizes).toEqual([4 + 'top-left'.length, 16]);
    expect(behind.readUInt32LE(0)).toBe('top-left'.length);
    expect(behind.toString('utf8', 4, 12)).toBe('top-left');
    expect([0, 1, 2, 3].map((i) => behind.readFloatLE(12 + 4 * i))).toEqual([0.25, 0.25, 0.25, 0.25]);
    expect(behind).toHaveLength(12 + 16);
  });

  it('JSON alone may have the header, too', async () => {
    expect((await infer({ inputs: [input()] }, new Uint8Array())).status).toBe(200);
  });

  const bytes = pixels(3, 130);
  it.each<[string, () => Promise<Answer>, string]>([
    ['data and bytes at once', () => infer({ inputs: [binaryInput(bytes, { data: [1] })] }, bytes), '.data"'],
    [
      'fewer bytes than binary_data_size',
      () => infer({ inputs: [binaryInput(bytes)] }, bytes.subarray(1)),
      '63 bytes',
    ],
    ['more', () => infer({ inputs: [binaryInput(bytes)] }, Buffer.concat([bytes, bytes])), '128 bytes'],
    ['bytes of no tensor', () => infer({ inputs: [input()] }, bytes), 'received 64 bytes'],
    [
      'fewer bytes than the shape',
      () => infer({ inputs: [binaryInput(bytes.subarray(1))] }, bytes.subarray(1)),
      '64 bytes',
    ],
    ['a size that is none', () => infer({ inputs: [sized('64')] }, bytes), 'binary_data_size"'],
    ['a size below 0', () => infer({ inputs: [sized(-1)] }, bytes), 'binary_data_size"'],
    ['a fraction as a size', () => infer({ inputs: [sized(63.5)] }, bytes), 'binary_data_size"'],
    [
      'text for a truth value',
      () => infer({ inputs: [input()], parameters: { binary_data_output: 'true' } }),
      'binary_data_output"',
    ],
    [
      'bytes without the header',
      () =>
        ask(`${MODEL}/infer`, {
          method: 'POST',
          body: new Uint8Array(Buffer.concat([Buffer.from('{}'), bytes])),
        }),
      HEADER,
    ],
  ])('refuses %s', async (_, send, says) => {
    expectRefusal(await send(), says);
  });

  function sized(binary_data_size: unknown) {
    return binaryInput(bytes, { parameters: { binary_data_size } });
  }

  it.each(['', 'x', '-1', '1.5', '0x10', '1e1', '+5', '10, 10', '99999'])(
    'refuses the header %j',
    async (length) => {
      const body = JSON.stringify({ inputs: [input()] });
      const answer = await ask(`${MODEL}/infer`, { method: 'POST', body, headers: { [HEADER]: length } });
      expectRefusal(answer, HEADER);
    },
  );
});

describe('a raw binary request', () => {
  const raw = (body: Uint8Array, path = `${MODEL}/infer`) =>
    ask(path, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream', [HEADER]: '0' },
      body: new Uint8Array(body),
    });

  it.each(PATHS)('%s/infer: the body is one picture, and all outputs come as bytes', async (path) => {
    const { status, json, behind } = await raw(pixels(2, 255), `${path}/infer`);
    expect(status).toBe(200);
    expect(json.outputs).toEqual([
      { name: 'probabilities', datatype: 'FP32', shape: [1, 4], parameters: { binary_data_size: 16 } },
      { name: 'label', datatype: 'BYTES', shape: [1], parameters: { binary_data_size: 4 + 11 } },
    ]);
    const odds = Math.exp(4);
    expect(behind.readFloatLE(4 * 2)).toBeCloseTo(odds / (odds + 3), 5);
    expect(behind.subarray(20).toString()).toBe('bottom-left');
  });

  it('is of one picture: neither more nor fewer bytes', async () => {
    expectRefusal(await raw(Buffer.concat([pixels(0, 1), pixels(1, 1)])), 'expected 64 bytes');
    expectRefusal(await raw(pixels(0, 1).subarray(1)), 'expected 64 bytes');
    expectRefusal(await raw(new Uint8Array()), 'no body');
  });
});

describe('classification', () => {
  const classify = (count: unknown, change: object = {}) =>
    infer({
      inputs: [input(200)],
      outputs: [{ name: 'probabilities', parameters: { classification: count } }],
      ...change,
    });
  const odds = Math.exp((4 * 200) / 255);

  it('gives so many of the highest values, each as value:index:label, as BYTES of [batch, count]', async () => {
    const { json } = await classify(2, {
      inputs: [
        input(0, {
          shape: [2, SIDE, SIDE, 1],
          data: [...quarterPixels(3, 200), ...quarterPixels(1, 200)],
        }),
      ],
    });
    const [{ name, datatype, shape, data }] = json.outputs;
    expect([name, datatype, shape]).toEqual(['probabilities', 'BYTES', [2, 2]]);
    const parts = data.map((text: string) => text.split(':'));
    expect(parts.map(([, index, label]: string[]) => [index, label])).toEqual([
      ['3', 'bottom-right'],
      ['0', 'top-left'],
      ['1', 'top-right'],
      ['0', 'top-left'],
    ]);
    expect(Number(parts[0][0])).toBeCloseTo(odds / (odds + 3), 5);
    expect(Number(parts[1][0])).toBeCloseTo(1 / (odds + 3), 5);
  });

  it('gives all classes where more are asked for', async () => {
    const { json } = await classify(100);
    expect(json.outputs[0].shape).toEqual([1, 4]);
    expect(json.outputs[0].data).toHaveLength(4);
  });

  it('comes as bytes, too', async () => {
    const { json, behind } = await classify(1, { parameters: { binary_data_output: true } });
    expect(json.outputs).toEqual([
      {
        name: 'probabilities',
        datatype: 'BYTES',
        shape: [1, 1],
        parameters: { binary_data_size: behind.length },
      },
    ]);
    expect(behind.readUInt32LE(0)).toBe(behind.length - 4);
    expect(behind.toString('utf8', 4)).toMatch(/^0\.\d+:1:top-right$/);
  });

  it('refuses what is no number of classes, and other outputs', async () => {
    for (const count of [0, -1, 1.5, '2', true]) expectRefusal(await classify(count), 'classification"');
    expectRefusal(
      await classify(1, { outputs: [{ name: 'label', parameters: { classification: 1 } }] }),
      '"outputs[0].parameters.classification"',
    );
  });
});
