/** `POST /explain`: where an answer stands, and what its making leaves alone. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExplainAnswer, PredictAnswer, Stats } from '../src/core/serving/request/schemas.js';
import { createServer, loadModel, type RobleServer } from '../src/index.js';
import { type QuarterServer, startQuarterServer } from './support/quarter-server.js';
import { scrape } from './support/scrape.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { quarterPixels, quarterPng, TINY_CLASSES, tinyBundle } from './support/tiny-bundle.js';

let server: RobleServer;
let close: QuarterServer['close'];
beforeAll(async () => {
  ({ server, close } = await startQuarterServer('serve-explain', (folder) => ({
    predictions: { url: join(folder, 'predictions.db') },
    admin: { port: 0 },
  })));
});
afterAll(() => close());

function post(path: string, body: unknown, at = server, init: RequestInit = {}): Promise<Response> {
  const isBytes = Buffer.isBuffer(body);
  const headers = { 'content-type': isBytes ? 'image/png' : 'application/json' };
  const content = isBytes ? new Uint8Array(body) : JSON.stringify(body);
  return fetch(at.url + path, { method: 'POST', headers, body: content, ...init });
}

async function explained(path: string, body: unknown): Promise<ExplainAnswer> {
  const response = await post(path, body);
  expect(response.status, await response.clone().text()).toBe(200);
  return (await response.json()) as ExplainAnswer;
}

async function statsOf(at = server) {
  const response = await fetch(`${at.url}/stats`);
  return (await response.json()) as Stats & {
    explanations?: { made: number; images: number; inHand: number };
  };
}

/** Whether a cell of a map of the 8x8 picture touches a quarter with its patch, which reaches one cell further. */
function touches(row: number, column: number, quarter: number): boolean {
  const [down, right] = [quarter >= 2, quarter % 2 === 1];
  return (down ? row + 1 >= 4 : row - 1 < 4) && (right ? column + 1 >= 4 : column - 1 < 4);
}

describe('an explanation', () => {
  it('is warm where the light is that the answer stands on, and nowhere else', async () => {
    for (const quarter of [0, 1, 2, 3]) {
      const body = { pixels: quarterPixels(quarter) };
      const answer = await explained('/explain', body);
      const predicted = (await (await post('/predict', body)).json()) as PredictAnswer;
      expect([{ label: answer.class, probability: answer.probability }]).toEqual(
        predicted.predictions.slice(0, 1),
      );
      expect([answer.rows, answer.columns, answer.images]).toEqual([8, 8, 65]);
      for (const [row, falls] of answer.falls.entries())
        for (const [column, fall] of falls.entries())
          expect(fall > 0.0001, `${quarter}: ${row}, ${column}`).toBe(touches(row, column, quarter));
    }
  });

  it('is the same each time, for every form of the picture', async () => {
    const png = await quarterPng(3, 200);
    const { falls } = await explained('/explain?grid=5', png);
    expect(falls.map((row) => row.length)).toEqual([5, 5, 5, 5, 5]);
    expect((await explained('/explain?grid=5', { image: png.toString('base64') })).falls).toEqual(falls);
    expect((await explained('/explain?grid=5', { pixels: quarterPixels(3, 200) })).falls).toEqual(falls);
    const form = new FormData();
    form.append('any', new Blob([new Uint8Array(png)]), 'picture.png');
    const response = await fetch(`${server.url}/explain?grid=5`, { method: 'POST', body: form });
    expect(((await response.json()) as ExplainAnswer).falls).toEqual(falls);
  });

  it('is that of the library', async () => {
    const png = await quarterPng(1, 180);
    const { path, remove } = await temporaryFolder('explain-library');
    const model = await loadModel(await tinyBundle(join(path, 'model')));
    try {
      const { class: name, probability, falls } = await explained('/explain?grid=6', png);
      expect(await model.explain(png, { grid: 6 })).toEqual({ class: name, probability, falls });
      await expect(model.explain(png, { grid: 1 })).rejects.toMatchObject({ code: 'ROBLE_REQUEST_INVALID' });
      const unknown = model.explain(png, { class: 'middle' });
      await expect(unknown).rejects.toMatchObject({ code: 'ROBLE_LABEL_RANGE' });
    } finally {
      await model.close();
      await remove();
    }
  });

  it('is of the class that is asked for', async () => {
    const body = { pixels: quarterPixels(0) };
    const other = await explained(`/explain?class=${TINY_CLASSES[3]}`, body);
    expect(other.class).toBe(TINY_CLASSES[3]);
    // Without the light, the other classes are more probable.
    expect(other.falls[2]![2]).toBeLessThan(0);
    expect(other.falls[6]![6]).toBe(0);
  });

  it.each<[string, number, string, string, object?]>([
    ['a class that there is not', 422, 'ROBLE_LABEL_RANGE', '/explain?class=middle'],
    ['too fine a grid', 400, 'ROBLE_REQUEST_INVALID', '/explain?grid=17'],
    ['a grid of one cell', 400, 'ROBLE_REQUEST_INVALID', '/explain?grid=1'],
    ['what means nothing here', 400, 'ROBLE_REQUEST_INVALID', '/explain', { topK: 3 }],
    ['a model that there is not', 404, 'ROBLE_MODEL_UNKNOWN', '/explain?model=nobody'],
  ])('refuses %s', async (_, status, code, path, more = {}) => {
    const response = await post(path, { pixels: quarterPixels(0), ...more });
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([status, code]);
  });

  it('leaves no trace among the predictions: their counts, cache, log and drift', async () => {
    const traces = async () => {
      const { requests, images, latencyMs, cache, drift, predictionLog } = await statsOf();
      return { requests, images, latencyMs, cache, answers: drift.answers, predictionLog };
    };
    const before = await traces();
    const { made, images } = (await statsOf()).explanations!;
    await explained('/explain?grid=4', { pixels: quarterPixels(1, 77) });
    expect(await traces()).toEqual(before);
    expect((await statsOf()).explanations).toEqual({ made: made + 1, images: images + 17, inHand: 0 });
    expect((await scrape(server)).of('roble_explanation_images_total')).toEqual({ '': images + 17 });
  });
});

describe('a server', () => {
  it('keeps to serve.maxBatch, and to serve.explain: false', async () => {
    const small = await startQuarterServer('explain-bound', () => ({ maxBatch: 30 }));
    const off = await startQuarterServer('explain-off', () => ({ explain: false }));
    try {
      const body = { pixels: quarterPixels(2) };
      expect((await post('/explain?grid=6', body, small.server)).status).toBe(413);
      expect(((await (await post('/explain', body, small.server)).json()) as ExplainAnswer).rows).toBe(5);
      const refused = await post('/explain', body, off.server);
      expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([
        501,
        'ROBLE_EXPLAIN_OFF',
      ]);
      expect((await statsOf(off.server)).explanations).toBeUndefined();
    } finally {
      await Promise.all([small.close(), off.close()]);
    }
  });

  it('answers predictions while it explains, and stops explaining to who has left', {
    timeout: 60_000,
  }, async () => {
    const { path, remove } = await temporaryFolder('explain-slow');
    const model = await tinyBundle(join(path, 'model'), { work: 10 });
    const slow = await createServer({ model, port: 0, workers: 1, cache: { memoryBytes: 0 } } as never);
    try {
      const leaving = new AbortController();
      const body = { pixels: quarterPixels(2) };
      let isExplained = false;
      const left = [0, 1, 2].map(() =>
        post('/explain?grid=8', body, slow, { signal: leaving.signal }).then(
          () => {
            isExplained = true;
          },
          () => {},
        ),
      );
      const calls = async () => (await statsOf(slow)).batches;
      await expect.poll(calls, { timeout: 20_000 }).toBeGreaterThan(1);
      // Of the 195 images that wait, four at most go before the prediction.
      const before = await calls();
      expect((await post('/predict', { pixels: quarterPixels(1) }, slow)).status).toBe(200);
      expect((await calls()) - before).toBeLessThan(8);
      expect(isExplained).toBe(false);
      leaving.abort();
      await Promise.all(left);
      await expect.poll(async () => (await statsOf(slow)).explanations!.inHand, { timeout: 20_000 }).toBe(0);
      expect((await statsOf(slow)).explanations!.made).toBe(0);
      const after = await calls();
      expect((await post('/explain?grid=2', body, slow)).status).toBe(200);
      expect((await calls()) - after).toBe(2);
    } finally {
      await slow.close();
      await remove();
    }
  });
});
