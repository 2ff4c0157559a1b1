/** A client of the functions that @hey-api/openapi-ts makes. */
import { readFile } from 'node:fs/promises';
import { client } from './hey/client.gen.js';
import type { PredictRequest } from './hey/index.js';
import { postFeedback, postPredict, postPredictBatch, postV2ModelsNameInfer } from './hey/index.js';

const [, , baseUrl = ''] = process.argv;
client.setConfig({ baseUrl });

const light = (quarter: number) =>
  Array.from({ length: 64 }, (_, i) => (Math.floor(i / 32) * 2 + (i % 8 < 4 ? 0 : 1) === quarter ? 255 : 0));
const png = await readFile('picture.png');

// @ts-expect-error a picture has to be there
const none: PredictRequest = { topK: 3 };
// @ts-expect-error topK is a number
const text: PredictRequest = { image: '', topK: '3' };
void [none, text];

/** The best class of one image, or why there is none. */
function best(one: { predictions: { label: string }[] } | { error: { code: string } } | undefined) {
  if (!one) return undefined;
  return 'predictions' in one ? one.predictions[0]?.label : one.error.code;
}

const { data: asked } = await postPredict({ body: { pixels: light(1) }, headers: { 'x-priority': 'high' } });
const { data: image } = await postPredict({ body: { image: png.toString('base64') }, query: { topK: 1 } });
const { data: drawn } = await postPredict({
  body: {
    drawing: {
      strokes: [
        [
          [0, 0],
          [5, 5],
        ],
      ],
    },
  },
});
// Its functions know one content type each: others are sent as they are.
const asIs = { bodySerializer: null, parseAs: 'json' } as const;
const { data: sent } = await client.post<{ 200: { predictions: { label: string }[] } }>({
  url: '/predict',
  ...asIs,
  body: new Blob([png]),
  headers: { 'content-type': 'image/png' },
});
const form = new FormData();
form.append('images', new Blob([png]), 'picture.png');
form.append('topK', '1');
const { data: formed } = await client.post<{ 200: { results: { predictions: { label: string }[] }[] } }>({
  url: '/predict/batch',
  ...asIs,
  body: form,
  headers: { 'content-type': null },
});
const { data: batch } = await postPredictBatch({ body: { pixels: [light(0), [1]] } });
const { data: kept } = await postFeedback({
  body: { requestId: asked?.requestId ?? '', label: 'top-right' },
});
const { data: inferred } = await postV2ModelsNameInfer({
  path: { name: 'quarters' },
  body: {
    inputs: [{ name: 'images', shape: [1, 8, 8, 1], datatype: 'UINT8', data: light(3) }],
    outputs: [{ name: 'label' }],
  },
});
const { data: raw, response } = await client.post<{ 200: ArrayBuffer }>({
  url: '/v2/models/quarters/infer',
  bodySerializer: null,
  parseAs: 'arrayBuffer',
  body: new Blob([Uint8Array.from(light(1))]),
  headers: { 'content-type': 'application/octet-stream', 'inference-header-content-length': 0 },
});
const { error: refused } = await postPredict({ body: { pixels: [1] } });

process.stdout.write(
  JSON.stringify({
    pixels: best(asked),
    image: best(image),
    drawing: drawn?.predictions.length,
    bytes: best(sent),
    form: formed?.results.map(best),
    batch: batch?.results.map(best),
    feedback: kept?.stored,
    infer: inferred && 'outputs' in inferred ? inferred.outputs[0]?.data : inferred,
    raw: (raw?.byteLength ?? 0) - Number(response?.headers.get('inference-header-content-length')),
    refused: refused && 'code' in refused ? refused.code : refused,
  }),
);
