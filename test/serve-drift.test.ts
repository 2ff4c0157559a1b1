import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../src/core/base/random.js';
import { openBundle } from '../src/core/model/bundle.js';
import { createServer, openDataset, type RobleServer, trainModel } from '../src/index.js';
import { scrape } from './support/scrape.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { tinyBundle } from './support/tiny-bundle.js';
import { tinyDataset } from './support/tiny-dataset.js';

/** Pictures in a request, and requests: 960 answers in all. */
const BATCH = 240;
const BATCHES = 4;

let root: string;
/** A model that was trained, with the pictures that it was validated on. */
let model: string;
let validation: Uint8Array[];
let remove: () => Promise<void>;
const servers: RobleServer[] = [];
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('serve-drift'));
  const dataset = await tinyDataset(join(root, 'data'), { train: 0.5, validation: 0.5 });
  const { bundle } = await trainModel({
    name: 'drift',
    dataset,
    run: join(root, 'run'),
    model: { layers: [{ type: 'flatten' }, { type: 'dense', units: 'classes', bias: true }] },
    train: { epochs: 3, learningRate: 0.05 },
  });
  model = bundle!;
  const { images, count } = (await (await openDataset(dataset)).load('validation'))!;
  const size = images.length / count;
  validation = Array.from({ length: count }, (_, i) => images.slice(i * size, (i + 1) * size));
}, 120_000);
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});
afterAll(() => remove());

async function serve(folder: string): Promise<RobleServer> {
  const server = await createServer({
    model: folder,
    port: 0,
    workers: 0,
    admin: { host: '127.0.0.1', port: 0 },
  });
  servers.push(server);
  return server;
}

/** Sends pictures of the validation split, drawn at random, each changed. */
async function send(server: RobleServer, change: (value: number) => number): Promise<void> {
  const random = new Random(3, 'hash');
  for (let batch = 0; batch < BATCHES; batch++) {
    const pixels = Array.from({ length: BATCH }, () => {
      const picture = validation[Math.floor(random.float() * validation.length)]!;
      return Array.from(picture, change);
    });
    const response = await fetch(`${server.url}/predict/batch`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ pixels }),
    });
    expect(response.status).toBe(200);
  }
}

async function driftOf(server: RobleServer) {
  const stats = (await (await fetch(`${server.url}/stats`)).json()) as {
    // biome-ignore lint/suspicious/noExplicitAny: checked by the expectations.
    drift: { answers: number; measures: any; reason?: string };
  };
  return stats.drift;
}

describe('drift', () => {
  it('is in the bundle as a profile of the validation data', async () => {
    const { profile } = (await openBundle(model)).manifest;
    expect(profile!.count).toBe(validation.length);
    const mean = validation.map((pixels) => pixels.reduce((sum, value) => sum + value, 0) / pixels.length);
    for (const [i, edge] of profile!.brightness.edges.entries()) {
      const below = mean.filter((value) => value <= edge).length / mean.length;
      const told = profile!.brightness.shares.slice(0, i + 1).reduce((sum, share) => sum + share, 0);
      expect(below).toBeCloseTo(told, 9);
    }
  });

  it('is small for pictures like those of the validation', async () => {
    const server = await serve(model);
    await send(server, (value) => value);
    const { answers, measures } = await driftOf(server);
    expect(answers).toBe(BATCH * BATCHES);
    for (const measure of [measures.confidence, measures.brightness, measures.classes]) {
      expect(measure.level).toBe('stable');
      expect(measure.psi).toBeLessThan(0.1);
    }
    expect(measures.brightness.ks).toBeLessThan(0.1);
    const metrics = await scrape(server);
    const brightness = Object.entries(metrics.of('roble_drift_psi')).find(([labels]) =>
      labels.includes('of="brightness"'),
    );
    expect(brightness![1]).toBeCloseTo(measures.brightness.psi, 9);
    expect(Object.keys(metrics.of('roble_drift_ks'))).toHaveLength(2);
    expect(Object.values(metrics.of('roble_drift_answers'))).toEqual([answers]);
  });

  it.each([
    ['inverted', (value: number) => 255 - value],
    ['fainter', (value: number) => Math.round(0.6 * value)],
  ])('is large for pictures that are %s', async (_, change) => {
    const server = await serve(model);
    await send(server, change);
    const { measures } = await driftOf(server);
    expect(measures.brightness).toMatchObject({ level: 'large' });
    expect(measures.brightness.psi).toBeGreaterThan(0.25);
    expect(measures.brightness.ks).toBeGreaterThan(0.2);
    expect(measures.confidence.level).not.toBe('stable');
  });

  it('is not told where little or nothing is known', async () => {
    const [few, none] = [await serve(model), await serve(await tinyBundle(join(root, 'plain')))];
    expect(await driftOf(few)).toEqual({
      answers: 0,
      measures: null,
      reason: 'Fewer than 500 answers were given so far.',
    });
    expect(await driftOf(none)).toEqual({
      answers: 0,
      measures: null,
      reason: 'The bundle has no profile of its answers.',
    });
    expect((await scrape(few)).of('roble_drift_psi')).toEqual({});
  });
});
