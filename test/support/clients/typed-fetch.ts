/** A client of the types that openapi-typescript makes: each request is checked by them when this is compiled. */
import { readFile } from 'node:fs/promises';
import type { components, paths } from './api.js';

const [, , url = ''] = process.argv;

type Posts<P extends keyof paths> = paths[P] extends { post: infer T } ? T : never;
type Content<T> = T extends { content: infer C } ? C : never;
type Bodies<P extends keyof paths> = Posts<P> extends { requestBody: infer B } ? Content<B> : never;
type Json<T> = T extends { 'application/json': infer A } ? A : never;
type Answers<P extends keyof paths> =
  Posts<P> extends { responses: infer R } ? Json<Content<R[keyof R]>> : never;

async function ask<P extends keyof paths, T extends keyof Bodies<P> & string>(
  path: P,
  type: T,
  body: Bodies<P>[T],
): Promise<Answers<P>> {
  const concrete = type.replace('*', 'png');
  const sent = concrete === 'application/json' ? JSON.stringify(body) : (body as Blob);
  const response = await fetch(url + path.replace('{name}', 'quarters'), {
    method: 'POST',
    headers: { 'content-type': concrete },
    body: sent,
  });
  return (await response.json()) as Answers<P>;
}

const light = (quarter: number) =>
  Array.from({ length: 64 }, (_, i) => (Math.floor(i / 32) * 2 + (i % 8 < 4 ? 0 : 1) === quarter ? 255 : 0));
const png = await readFile('picture.png');

// What a client may write is checked by the types: the needed alone, and nothing that the server would refuse.
const least: components['schemas']['PredictRequest'] = { image: png.toString('base64') };
const feedback: components['schemas']['FeedbackRequest'] = { requestId: 'a', label: 'b' };
const infer: components['schemas']['InferRequest'] = {
  id: null,
  inputs: [{ name: 'images', shape: [1, 8, 8, 1], datatype: 'UINT8', data: light(3) }],
};
// @ts-expect-error a picture has to be there
const none: components['schemas']['PredictRequest'] = { topK: 3 };
// @ts-expect-error topK is a number
const text: components['schemas']['PredictRequest'] = { ...least, topK: '3' };
// @ts-expect-error there is no such priority
const urgent: NonNullable<Posts<'/predict'>['parameters']['header']> = { 'x-priority': 'now' };
// @ts-expect-error no picture is of texts
const half: components['schemas']['InferRequest'] = { inputs: [{ ...infer.inputs[0]!, datatype: 'BYTES' }] };
// @ts-expect-error bytes are not text
const bytes: Bodies<'/predict'>['application/octet-stream'] = 'text';
void [none, text, urgent, half, bytes];

const predict = (body: components['schemas']['PredictRequest']) => ask('/predict', 'application/json', body);
const asked = await predict({ pixels: light(1) });
const drawn = await predict({
  drawing: {
    strokes: [
      [
        [0, 0],
        [5, 5],
      ],
    ],
  },
});
const image = await predict(least);
const sent = await ask('/predict', 'image/*', new Blob([png]));
const form: Bodies<'/predict/batch'>['multipart/form-data'] = { images: [new Blob([png])], topK: 1 };
const data = new FormData();
for (const file of form.images) data.append('images', file, 'picture.png');
data.append('topK', String(form.topK));
const formed = (await (
  await fetch(`${url}/predict/batch`, { method: 'POST', body: data })
).json()) as Answers<'/predict/batch'>;
const batch = await ask('/predict/batch', 'application/json', { pixels: [light(0), [1]] });
const kept = await ask('/feedback', 'application/json', {
  ...feedback,
  requestId: 'requestId' in asked ? asked.requestId : '',
  label: 'top-right',
});
const inferred = await ask('/v2/models/{name}/infer', 'application/json', {
  ...infer,
  outputs: [{ name: 'label' }],
});
const raw = await fetch(`${url}/v2/models/quarters/infer`, {
  method: 'POST',
  headers: { 'content-type': 'application/octet-stream', 'inference-header-content-length': '0' },
  body: new Blob([Uint8Array.from(light(1))]),
});
const refused = await ask('/predict', 'application/json', { pixels: [1] });

/** The best class of one image, or why there is none. */
function best(one: { predictions: { label: string }[] } | { error: { code: string } } | { code: string }) {
  if ('predictions' in one) return one.predictions[0]?.label;
  return 'code' in one ? one.code : one.error.code;
}
const all = (many: Answers<'/predict/batch'>) => ('results' in many ? many.results.map(best) : [best(many)]);

process.stdout.write(
  JSON.stringify({
    pixels: best(asked),
    image: best(image),
    drawing: 'predictions' in drawn ? drawn.predictions.length : drawn,
    bytes: best(sent),
    form: all(formed),
    batch: all(batch),
    feedback: 'stored' in kept && kept.stored,
    infer: 'outputs' in inferred ? inferred.outputs[0]?.data : inferred,
    raw: (await raw.arrayBuffer()).byteLength - Number(raw.headers.get('inference-header-content-length')),
    refused: best(refused),
  }),
);
