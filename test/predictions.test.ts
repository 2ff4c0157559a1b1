import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { PredictionIds } from '../src/core/serving/predictions/logged-prediction.js';
import { PredictionLog } from '../src/core/serving/predictions/prediction-log.js';
import { PredictionStore } from '../src/core/serving/predictions/prediction-store.js';
import {
  exportPredictions,
  importFeedback,
  openDataset,
  type PredictionFilter,
  preprocessingSchema,
  type ReviewedPrediction,
  readPredictions,
} from '../src/index.js';
import { createPostgres } from './support/postgres.js';
import { type PredictionServer, servePredictions } from './support/prediction-server.js';
import { describeWith } from './support/programs.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { quarterPixels, quarterPng, TINY_CLASSES, tinyBundle } from './support/tiny-bundle.js';

const CLI = join(import.meta.dirname, '..', 'bin', 'run.js');

let root: string;
let bundle: string;
let remove: () => Promise<void>;
let count = 0;
const servers: PredictionServer[] = [];
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('predictions'));
  bundle = await tinyBundle(join(root, 'model'));
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});
afterAll(() => remove());

async function serve(predictions: Parameters<typeof servePredictions>[1], model = bundle, more = {}) {
  const server = await servePredictions(model, predictions, more);
  servers.push(server);
  return server;
}

async function allOf(url: string, filter: PredictionFilter = {}): Promise<ReviewedPrediction[]> {
  const all: ReviewedPrediction[] = [];
  for await (const prediction of readPredictions(url, filter)) all.push(prediction);
  return all;
}

const written = (server: PredictionServer, expected: number) =>
  expect.poll(async () => (await server.log()).written, { timeout: 20_000 }).toBe(expected);

interface TestDatabase {
  /** Of a database without tables. */
  fresh(): Promise<string>;
  remove(): Promise<void>;
}

async function sqlite(): Promise<TestDatabase> {
  return { fresh: async () => join(root, `log-${count++}`, 'predictions.db'), remove: async () => {} };
}

async function postgresql(): Promise<TestDatabase> {
  const postgres = await createPostgres();
  await postgres.start();
  return {
    fresh: () => postgres.createDatabase(),
    remove: () => postgres.remove(),
  };
}

describe('the log in SQLite', () => behaves(sqlite));
describeWith('postgres', 'postgresql')('the log in PostgreSQL', () => behaves(postgresql));

function behaves(create: () => Promise<TestDatabase>): void {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await create();
  });
  afterAll(() => database.remove());

  it('keeps what was answered, in order, without the pictures', async () => {
    const url = await database.fresh();
    const server = await serve({ url });
    const started = Date.now();
    const one = await server.predict(2, 200, { 'x-request-id': 'one' });
    const many = await server.post('/predict/batch', {
      pixels: [quarterPixels(0, 90), [[1]], quarterPixels(3, 90), quarterPixels(2, 200)],
      topK: 2,
    });
    await written(server, 4);
    const all = await allOf(url, { withPixels: true });
    expect(all.map(({ requestId, index, source }) => [requestId, index, source])).toEqual(
      expect.arrayContaining([
        ['one', 0, 'model'],
        [many.body.requestId, 0, 'model'],
        [many.body.requestId, 2, 'model'],
        [many.body.requestId, 3, 'memory'],
      ]),
    );
    expect(all[0]!.predictions).toEqual(one.body.predictions);
    expect(all[0]!.timings).toEqual(one.body.timings);
    expect(all.find(({ index }) => index === 2)!.predictions).toEqual(many.body.results[2].predictions);
    const { name, digest, classes } = server.model;
    for (const { at, model, pixels, feedback } of all) {
      expect(at.getTime()).toBeGreaterThanOrEqual(started);
      expect(at.getTime()).toBeLessThanOrEqual(Date.now());
      expect(model).toMatchObject({ name, digest, classes, preprocessing: { width: 8, height: 8 } });
      expect([pixels, feedback]).toEqual([undefined, undefined]);
    }
    expect(all.map(({ at }) => at)).toEqual(all.map(({ at }) => at).sort((a, b) => Number(a) - Number(b)));
  });

  it('can be read by time, class and feedback', async () => {
    const url = await database.fresh();
    const server = await serve({ url });
    await server.predict(0);
    await written(server, 1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    const between = new Date();
    const { body } = await server.predict(1);
    await server.post('/feedback', { requestId: body.requestId, label: 'top-left' });
    const labels = async (filter: PredictionFilter) =>
      (await allOf(url, filter)).map(({ predictions }) => predictions[0]!.label);
    expect(await labels({ since: between })).toEqual(['top-right']);
    expect(await labels({ until: between })).toEqual(['top-left']);
    expect(await labels({ label: 'top-right' })).toEqual(['top-right']);
    expect(await labels({ label: 'bottom-left' })).toEqual([]);
    expect(await labels({ withFeedback: true })).toEqual(['top-right']);
    expect(await labels({ since: between, until: between })).toEqual([]);
  });

  it('takes the right class of a prediction that is not written yet, and the last one that was said', async () => {
    const url = await database.fresh();
    const server = await serve({ url });
    const { body } = await server.predict(2);
    const { requestId } = body;
    expect(await server.post('/feedback', { requestId, label: 'top-left' })).toMatchObject({
      status: 201,
      body: { stored: true },
    });
    await server.post('/feedback', { requestId, index: 0, label: 'top-right' });
    expect(await allOf(url)).toMatchObject([{ requestId, feedback: { label: 'top-right' } }]);
    expect(await server.log()).toMatchObject({ written: 1, queued: 0, dropped: 0 });
  });

  it('refuses feedback that fits no prediction', async () => {
    const server = await serve({ url: await database.fresh() });
    const { body } = await server.predict(2);
    const { requestId } = body;
    expect(await server.post('/feedback', { requestId, label: 'top-lefd' })).toMatchObject({
      status: 422,
      body: {
        code: 'ROBLE_LABEL_RANGE',
        received: 'top-lefd',
        expected: expect.stringContaining('top-left'),
      },
    });
    for (const other of [{ requestId: 'nobody' }, { requestId, index: 1 }])
      expect(await server.post('/feedback', { ...other, label: 'top-left' })).toMatchObject({
        status: 404,
        body: { code: 'ROBLE_PREDICTION_UNKNOWN' },
      });
    for (const wrong of [
      {},
      { requestId },
      { requestId, label: 7 },
      { requestId, label: 'top-left', index: -1 },
      { requestId, label: 'top-left', comment: 'no' },
    ]) {
      const { status, body: problem } = await server.post('/feedback', wrong);
      expect([status, problem.code]).toEqual([400, 'ROBLE_REQUEST_INVALID']);
      expect(problem.problems.length).toBeGreaterThan(0);
    }
    const twice = { requestId, label: 'top-left', image: 'AAAA', drawing: { strokes: [] } };
    expect(await server.post('/feedback', twice)).toMatchObject({
      status: 400,
      body: { code: 'ROBLE_REQUEST_INVALID', received: 'image, drawing' },
    });
    expect(await server.post('/feedback', { requestId, label: 'top-left', image: 'AAAA' })).toMatchObject({
      status: 422,
      body: { code: 'ROBLE_IMAGE_UNREADABLE' },
    });
  });

  it('knows the newest prediction of an id that was used again', async () => {
    const url = await database.fresh();
    const server = await serve({ url });
    for (const quarter of [0, 1]) await server.predict(quarter, 255, { 'x-request-id': 'again' });
    await server.post('/feedback', { requestId: 'again', label: 'bottom-left' });
    expect((await allOf(url)).map(({ feedback }) => feedback?.label)).toEqual([undefined, 'bottom-left']);
  });

  it('is set up once by many servers that start together', async () => {
    const url = await database.fresh();
    const stores = Array.from({ length: 8 }, () => new PredictionStore(url));
    await Promise.all(stores.map((store) => store.connect()));
    await Promise.all(stores.map((store) => store.close()));
    const started = await Promise.all(Array.from({ length: 3 }, () => serve({ url })));
    await Promise.all(started.map((server, i) => server.predict(i)));
    for (const server of started) await written(server, 1);
    expect(started.flatMap(({ warnings }) => warnings)).toEqual([]);
    expect(await allOf(url)).toHaveLength(3);
  });

  it('writes what waits when the server ends', async () => {
    const url = await database.fresh();
    const server = await servePredictions(bundle, { url });
    await Promise.all(Array.from({ length: 40 }, (_, i) => server.predict(i % 4, 1 + i)));
    await server.close();
    expect(await allOf(url)).toHaveLength(40);
    expect(server.warnings).toEqual([]);
  });

  it('writes nothing twice', async () => {
    const url = await database.fresh();
    const store = new PredictionStore(url);
    const prediction = { ...samplePrediction(), id: '0190f000-0000-7000-8000-000000000000' };
    await store.insert([prediction]);
    await store.insert([prediction, { ...prediction, id: '0190f000-0000-7001-8000-000000000000' }]);
    await store.close();
    expect(await allOf(url)).toHaveLength(2);
  });

  it('reads more than a page, each once', async () => {
    const url = await database.fresh();
    const log = new PredictionLog({ url, maxQueueBytes: 10_000_000, warn: () => {} });
    const at = Date.now();
    for (let i = 0; i < 1000; i++)
      log.add({ ...samplePrediction(), index: i, at: new Date(at + Math.floor(i / 100)) });
    await log.close(30_000);
    expect((await allOf(url)).map(({ index }) => index)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  });

  it('is exported as CSV and JSON lines', async () => {
    const url = await database.fresh();
    const server = await serve({ url, keepImages: true });
    const { body } = await server.predict(3, 77);
    await server.post('/feedback', { requestId: body.requestId, label: 'top-left' });
    const csv = join(root, `export-${count++}.csv`);
    expect(await exportPredictions({ from: url, out: csv, format: 'csv' })).toBe(1);
    const [header, line] = (await readFile(csv, 'utf8')).split('\r\n');
    expect(header).toBe(
      'requestId,index,time,model,digest,label,probability,feedback,feedbackTime,source,decodeMs,queueMs,inferenceMs,totalMs,predictions',
    );
    const { label, probability } = body.predictions[0];
    const digest = server.model.digest;
    expect(line).toMatch(
      new RegExp(`^${body.requestId},0,[^,]+Z,quarters,${digest},${label},${probability},top-left,`),
    );
    const json = join(root, `export-${count++}.jsonl`);
    expect(await exportPredictions({ from: url, out: json, format: 'jsonl', pixels: true })).toBe(1);
    expect(JSON.parse(await readFile(json, 'utf8'))).toMatchObject({
      requestId: body.requestId,
      predictions: body.predictions,
      feedback: { label: 'top-left' },
      picture: { width: 8, height: 8, channels: 1, pixels: pixelsOf(3, 77).toString('base64') },
    });
    await expect(exportPredictions({ from: url, out: csv, format: 'csv' })).rejects.toMatchObject({
      code: 'ROBLE_OUTPUT_EXISTS',
    });
  });

  it('becomes training data: the pixels that the model saw, under the classes that were said', async () => {
    const url = await database.fresh();
    const inverting = preprocessingSchema.parse({ width: 8, height: 8, invert: true });
    const model = await tinyBundle(join(root, `inverting-${count++}`), { preprocessing: inverting });
    const server = await serve({ url, keepImages: true }, model);
    const said = new Map<string, { label: string; pixels: number[] }>();
    for (let i = 0; i < 8; i++) {
      const light = 20 + 20 * i;
      const { body } = await server.post('/predict', {
        image: (await quarterPng(i % 4, light)).toString('base64'),
      });
      const label = TINY_CLASSES[i % 2]!;
      await server.post('/feedback', { requestId: body.requestId, label });
      const pixels = quarterPixels(i % 4, light).map((value) => 255 - value);
      said.set(`${body.requestId}#0`, { label, pixels });
    }
    await server.predict(1, 5);
    await written(server, 9);
    const out = join(root, `feedback-${count++}`);
    expect(await importFeedback({ from: url, sources: [], out, name: 'said' })).toMatchObject({
      name: 'said',
      count: 8,
      classes: ['top-left', 'top-right'],
      skipped: [],
    });
    const dataset = await openDataset(out);
    expect(dataset.manifest.preprocessing).toEqual(inverting);
    let seen = 0;
    for (const split of ['train', 'validation'] as const) {
      const { images, labels } = await dataset.load(split);
      let i = 0;
      for await (const { source } of dataset.provenance(split)) {
        const { label, pixels } = said.get(source)!;
        expect(dataset.manifest.classes[labels[i]!]).toBe(label);
        expect([...images.subarray(64 * i, 64 * (i + 1))]).toEqual(pixels);
        i++;
      }
      seen += i;
    }
    expect(seen).toBe(8);
  });

  it('keeps a picture that comes with the feedback, also where others are not kept', async () => {
    const url = await database.fresh();
    const server = await serve({ url });
    const pictures = [
      { image: (await quarterPng(2, 91)).toString('base64') },
      { pixels: quarterPixels(2, 92) },
      { drawing: { strokes: [[[0, 0], [10, 10]]] } }, // biome-ignore format: a stroke on a line
      {},
    ];
    for (const [i, picture] of pictures.entries()) {
      const { body } = await server.predict(2, 90 + i);
      const label = TINY_CLASSES[i % 2];
      const { status } = await server.post('/feedback', { requestId: body.requestId, label, ...picture });
      expect(status).toBe(201);
    }
    const all = await allOf(url, { withPixels: true });
    expect(all.map(({ pixels }) => pixels)).toEqual(Array(4).fill(undefined));
    const [first, second, third, fourth] = all.map(({ feedback }) => feedback!.pixels);
    expect([Buffer.from(first!), Buffer.from(second!)]).toEqual([pixelsOf(2, 91), pixelsOf(2, 92)]);
    expect([third!.length, fourth]).toEqual([64, undefined]);
    const out = join(root, `feedback-${count++}`);
    const result = await importFeedback({ from: url, sources: [], out, split: { ratios: { train: 1 } } });
    expect(result.count).toBe(3);
    expect(result.warnings.join()).toContain('1 prediction with feedback left out');
  });

  it('has nothing to import without feedback or without pictures', async () => {
    const url = await database.fresh();
    const server = await serve({ url });
    const { body } = await server.predict(2);
    await server.post('/feedback', { requestId: body.requestId, label: 'top-left' });
    await expect(
      importFeedback({ from: url, sources: [], out: join(root, 'nothing') }),
    ).rejects.toMatchObject({
      code: 'ROBLE_SOURCE_EMPTY',
      details: { nextSteps: [expect.stringContaining('--keep-images')] },
    });
  });

  it('forgets what is too old, but not what somebody gave feedback on', async () => {
    const url = await database.fresh();
    const store = new PredictionStore(url);
    const ids = new PredictionIds();
    const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000);
    const made = (days: number) => {
      const at = daysAgo(days);
      return { ...samplePrediction(), at, id: ids.next(at) };
    };
    for (let i = 0; i < 5; i++) await store.insert(Array.from({ length: 500 }, () => made(31)));
    const [corrected, recent] = [made(40), made(29)];
    await store.insert([corrected, recent]);
    await store.saveFeedback(corrected.id, { at: daysAgo(39), label: TINY_CLASSES[1]! });
    await store.close();
    const server = await serve({ url, keepDays: 30 });
    const left = async () => (await allOf(url)).map(({ id }) => id);
    await expect.poll(left, { timeout: 20_000 }).toEqual([corrected.id, recent.id]);
    expect(server.warnings).toEqual([]);
  });

  it('is no log where the tables are missing', async () => {
    const url = await database.fresh();
    if (!url.includes('://')) {
      await expect(allOf(url)).rejects.toMatchObject({ code: 'ROBLE_FILE_NOT_FOUND' });
      await mkdir(join(url, '..'));
      await writeFile(url, 'no database at all '.repeat(100));
    }
    await expect(allOf(url)).rejects.toMatchObject({ code: 'ROBLE_PREDICTIONS_INVALID' });
  });
}

it('is exported and imported by commands', async () => {
  const url = join(root, 'commands', 'predictions.db');
  const server = await serve({ url, keepImages: true });
  for (const [i, label] of ['top-left', 'top-left', 'top-right', 'top-right'].entries()) {
    const { body } = await server.predict(i, 70 + i);
    await server.post('/feedback', { requestId: body.requestId, label });
  }
  await server.predict(0, 80);
  await written(server, 5);
  const roble = (...words: string[]) => execa(process.execPath, [CLI, ...words], { cwd: root });
  const csv = await roble('predictions:export', '--from', url, '--out', 'log.csv', '--json');
  expect(JSON.parse(csv.stdout)).toMatchObject({ ok: true, result: { out: 'log.csv', count: 5 } });
  expect((await readFile(join(root, 'log.csv'), 'utf8')).trimEnd().split('\r\n')).toHaveLength(6);
  const filters = ['--feedback', '--label', 'bottom-right', '--format', 'jsonl', '--pixels'];
  const lines = await roble('predictions:export', '--from', url, ...filters);
  expect(JSON.parse(lines.stdout)).toMatchObject({
    feedback: { label: 'top-right' },
    picture: { pixels: pixelsOf(3, 73).toString('base64') },
  });
  // A reader that has seen enough is no failure; a device that is full is one.
  const left = execa(process.execPath, [CLI, 'predictions:export', '--from', url], { cwd: root });
  left.stdout.destroy();
  expect(await left).toMatchObject({ exitCode: 0, stderr: '' });
  const full = execa('sh', [
    '-c',
    '"$0" "$1" predictions:export --from "$2" > /dev/full',
    process.execPath,
    CLI,
    url,
  ]);
  await expect(full).rejects.toMatchObject({
    exitCode: 3,
    stderr: expect.stringMatching(/^Error: Standard output[\s\S]*code: ROBLE_DISK_FULL$/),
  });
  const words = ['data:import', '--from-feedback', url, '--out', 'feedback', '--name', 'said', '--json'];
  const imported = await roble(...words);
  expect(JSON.parse(imported.stdout)).toMatchObject({
    ok: true,
    result: { name: 'said', count: 4, classes: ['top-left', 'top-right'], skipped: [] },
  });
});

it('says that it is off', async () => {
  const server = await serve({ url: 'none' });
  const { body } = await server.predict(0);
  expect(await server.post('/feedback', { requestId: body.requestId, label: 'top-left' })).toMatchObject({
    status: 501,
    body: { code: 'ROBLE_PREDICTIONS_OFF' },
  });
  expect(await server.log()).toBeUndefined();
});

it('tells no password', async () => {
  const url = 'postgres://ada:secret@127.0.0.1:1/roble?password=secret';
  const error = await allOf(url).catch((thrown: Error) => thrown);
  expect(JSON.stringify(error)).toContain('postgres://127.0.0.1:1/roble');
  expect(JSON.stringify(error)).not.toContain('secret');
});

function pixelsOf(quarter: number, light: number): Buffer {
  return Buffer.from(quarterPixels(quarter, light));
}

function samplePrediction() {
  return {
    requestId: 'request',
    index: 0,
    at: new Date(),
    model: {
      digest: 'digest',
      name: 'quarters',
      classes: TINY_CLASSES,
      preprocessing: preprocessingSchema.parse({ width: 8, height: 8 }),
    },
    predictions: [{ label: TINY_CLASSES[0]!, probability: 0.75 }],
    source: 'model',
    timings: { decodeMs: 0.5, queueMs: 0.1, inferenceMs: 1.5, totalMs: 2.2 },
  };
}
