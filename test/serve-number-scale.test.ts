/** Numbers of a scale that would make a picture black or white are refused, however they come. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RobleServer } from '../src/index.js';
import { type QuarterServer, startQuarterServer } from './support/quarter-server.js';
import { encodeTiff } from './support/tiff.js';
import { quarterPixels, TINY_CLASSES, TINY_SIDE } from './support/tiny-bundle.js';

let server: RobleServer;
let close: QuarterServer['close'];
beforeAll(async () => {
  ({ server, close } = await startQuarterServer('number-scale', () => ({})));
});
afterAll(() => close());

const bytes = quarterPixels(2, 200);
const unit = bytes.map((value) => value / 255);
const nested = (flat: number[]) =>
  Array.from({ length: TINY_SIDE }, (_, y) => flat.slice(TINY_SIDE * y, TINY_SIDE * (y + 1)));

async function post(path: string, body: unknown) {
  const response = await fetch(server.url + path, {
    method: 'POST',
    headers: { 'content-type': body instanceof Buffer ? 'image/tiff' : 'application/json' },
    body: body instanceof Buffer ? body : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as { predictions: { label: string }[] } };
}
const tensor = (datatype: string, data: number[]) => ({
  inputs: [{ name: 'images', datatype, shape: [1, TINY_SIDE, TINY_SIDE, 1], data }],
});
const tiff = (type: 'float' | 'uint8' | 'int16', values: number[]) =>
  encodeTiff({ type, width: TINY_SIDE, height: TINY_SIDE }, values);

it.each([
  ['flat pixels', (pixels: number[]) => post('/predict', { pixels })],
  ['nested pixels', (pixels: number[]) => post('/predict', { pixels: nested(pixels) })],
  ['a tensor', (pixels: number[]) => post('/v2/models/quarters/infer', tensor('FP32', pixels))],
])('%s', async (_, send) => {
  expect((await send(bytes)).status).toBe(200);
  expect(await send(unit)).toMatchObject({ status: 400 });
  expect(JSON.stringify((await send(unit)).body)).toContain('0..1');
  // Whole numbers may be a nearly black picture.
  expect((await send(bytes.map((value) => Math.min(value, 1)))).status).toBe(200);
});

it('a TIFF of floats is answered as one of bytes', async () => {
  const answers = await Promise.all(
    [tiff('float', unit), tiff('uint8', bytes)].map((body) => post('/predict', body)),
  );
  for (const { status, body } of answers) {
    expect(status).toBe(200);
    expect(body.predictions[0]!.label).toBe(TINY_CLASSES[2]);
  }
  expect(answers[0]!.body.predictions).toEqual(answers[1]!.body.predictions);
  expect(await post('/predict', tiff('int16', bytes))).toMatchObject({
    status: 422,
    body: { code: 'ROBLE_IMAGE_VALUES' },
  });
});
