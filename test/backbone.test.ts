/** Learning from the features of a network that others trained: one bundle, nothing lost by kills, clear refusals. */
import { createHash } from 'node:crypto';
import { readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openDataset } from '../src/core/data/dataset/open.js';
import { copyPictures } from '../src/core/data/dataset/pictures.js';
import { resultFingerprint } from '../src/core/learning/training/verify.js';
import { openBundle, readWeights } from '../src/core/model/bundle.js';
import { createRegistry, loadModel, readHistory, resumeTraining, trainModel } from '../src/index.js';
import { startTraining } from './faults/training.js';
import { writeSmallBackbone } from './support/small-backbone.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { tinyDataset } from './support/tiny-dataset.js';

let root: string;
let dataset: string;
let backbone: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('backbone'));
  vi.stubEnv('XDG_CACHE_HOME', join(root, 'cache'));
  dataset = await tinyDataset(join(root, 'dataset'));
  backbone = await writeSmallBackbone(join(root, 'small.onnx'));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await remove();
});

const TRAIN = { epochs: 12, batchSize: 16, threads: 1, learningRate: 0.02 };
const model = (file = backbone, more = {}) => ({
  backbone: { file, normalization: '-1..1' as const, ...more },
});
const train = (run: string, choice = model(), settings = {}) =>
  trainModel({ dataset, run: join(root, run), model: choice, train: { ...TRAIN, ...settings } });

/** The folder of the only store in a cache. */
async function storeIn(cache: string): Promise<string> {
  const [name] = await readdir(join(cache, 'roble/features')).catch(() => []);
  return join(cache, 'roble/features', name ?? 'none');
}

describe('a head on a backbone', () => {
  it('learns, and its bundle answers to pictures as the features and the head did', async () => {
    const { bundle, best } = await train('plain');
    expect(best!.valAccuracy).toBeGreaterThan(0.6);
    const { manifest } = await openBundle(bundle!);
    expect(manifest.backbone).toMatchObject({ name: 'small.onnx', length: 32, output: 'features' });
    // Loading checks the golden answers, which are those of the engine to features.
    const loaded = await loadModel(bundle!);
    const { manifest: data } = await openDataset(dataset);
    const split = await (await openDataset(dataset)).open('validation');
    const pictures = Array.from({ length: split.count }, (_, i) => copyPictures(split.pictures, i, i + 1));
    const answers = await loaded.predictPixels(pictures, 1);
    await loaded.close();
    const right = answers.filter(([top], i) => top!.label === data.classes[split.labels[i]!]).length;
    expect(right / split.count).toBeCloseTo(best!.valAccuracy, 10);
  });

  it('is what it is in whichever order, layout and form the backbone has', async () => {
    const other = (name: string, options: Parameters<typeof writeSmallBackbone>[1]) =>
      writeSmallBackbone(join(root, name), options).then((file) => train(`run-${name}`, model(file)));
    const [first] = (await readHistory(join(root, 'plain'))).epochs;
    for (const [name, options] of [
      ['nhwc.onnx', { layout: 'NHWC' }],
      ['map.onnx', { output: 'map' }],
      ['single.onnx', { batch: 1 }],
    ] as const) {
      await other(name, options);
      const [epoch] = (await readHistory(join(root, `run-${name}`))).epochs;
      expect(epoch!.valLoss, name).toBeCloseTo(first!.valLoss!, 4);
    }
  });

  it('computes each picture once, and again what a disk gave back changed', async () => {
    const store = await storeIn(join(root, 'cache'));
    const { size } = await stat(join(store, 'values.bin'));
    const before = await resultFingerprint(join(root, 'plain'));
    await train('again');
    expect((await stat(join(store, 'values.bin'))).size).toBe(size);
    expect(await resultFingerprint(join(root, 'again'))).toEqual(before);
    const values = await readFile(join(store, 'values.bin'));
    values[7 * 128 + 3]! ^= 0x10;
    await writeFile(join(store, 'values.bin'), values);
    await truncate(join(store, 'keys.bin'), (await stat(join(store, 'keys.bin'))).size - 55);
    await train('mended');
    expect(await resultFingerprint(join(root, 'mended'))).toEqual(before);
  });

  it('has the views of augmented pictures take turns', async () => {
    const augment = { strategy: 'medium', canvasStyle: 0, mixup: 0 } as const;
    await train('views', model(), { augment, views: 3 });
    await train('views-again', model(), { augment, views: 3, numWorkers: 3 });
    const [one, two] = await Promise.all(
      ['views', 'views-again'].map((run) => resultFingerprint(join(root, run))),
    );
    expect(two).toEqual(one);
    const losses = async (run: string) => (await readHistory(join(root, run))).epochs.map(({ loss }) => loss);
    // The first epoch sees the pictures as they are.
    expect((await losses('views'))[0]).toBe((await losses('plain'))[0]);
    expect((await losses('views'))[1]).not.toBe((await losses('plain'))[1]);
  });

  it('gets its weight decay by cross-validation when asked', async () => {
    await train('auto', model(), { head: 'auto', epochs: 2 });
    const { events } = await readHistory(join(root, 'auto'));
    const { detail } = events.find(({ event }) => event === 'weight-decay-chosen')!;
    const losses = [...detail!.matchAll(/loss ([\d.]+) with ([\d.]+)/g)].map(([, loss, decay]) => [
      Number(loss),
      decay!,
    ]);
    const smallest = losses.reduce((a, b) => (b[0]! < a[0]! ? b : a));
    expect(losses).toHaveLength(4);
    expect(detail).toMatch(new RegExp(`^${smallest[1]} `));
  });

  it('goes on from a bundle, whose backbone it takes out again', async () => {
    const from = join(root, 'plain/model');
    const { bundle } = await trainModel({
      dataset,
      run: join(root, 'from'),
      train: { ...TRAIN, from, epochs: 2 },
    });
    const [before, after] = [await openBundle(from), await openBundle(bundle!)];
    expect(after.manifest.backbone).toEqual(before.manifest.backbone);
    const [epoch] = (await readHistory(join(root, 'from'))).epochs;
    expect(epoch!.valAccuracy).toBeGreaterThan(0.6);
  });
});

describe('a backbone whose layers are trained further', () => {
  const tuned = (run: string, settings: object, more = {}) =>
    train(run, model(backbone, { tune: 'all', ...more }), {
      from: join(root, 'plain/model'),
      epochs: 1,
      ...settings,
    });

  it('begins with the answers of the head, and is a network of its own', async () => {
    const { bundle, best } = await tuned('unmoved', { learningRate: 1e-12 });
    const [head, whole] = [await openBundle(join(root, 'plain/model')), await openBundle(bundle!)];
    expect(best!.valAccuracy).toBeCloseTo(head.manifest.training.metrics.valAccuracy!, 10);
    for (const [i, probability] of whole.golden.probabilities.entries())
      expect(probability).toBeCloseTo(head.golden.probabilities[i]!, 4);
    expect(whole.manifest.backbone).toBeUndefined();
    expect(whole.manifest.training.backbone).toMatchObject({ name: 'small.onnx' });
  });

  it('leaves its normalization as it is, and moves its layers less than the head', async () => {
    const optimizer = { type: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 } as const;
    const moved = async (factor: number) => {
      const { bundle } = await tuned(
        `factor-${factor}`,
        { optimizer, learningRate: 1e-4, schedule: { type: 'constant' } },
        { learningRateFactor: factor },
      );
      const [before, after] = [
        await readWeights(await openBundle(join(root, 'unmoved/model'))),
        await readWeights(await openBundle(bundle!)),
      ];
      return (name: string) =>
        Math.max(...after[name]!.data.map((value, i) => Math.abs(value - before[name]!.data[i]!)));
    };
    const [slow, fast] = [await moved(0.01), await moved(1)];
    for (const move of [slow, fast])
      for (const name of ['normalize.weight', 'normalize.bias', 'standardize.scale', 'standardize.mean'])
        expect(move(name), name).toBe(0);
    expect(slow('conv2.weight')).toBeGreaterThan(0);
    expect(slow('conv2.weight')).toBeLessThan(fast('conv2.weight') / 20);
    expect(slow('dense1.weight')).toBeGreaterThan(fast('dense1.weight') / 2);
  });
});

describe('a kill', () => {
  it('of everything, while features are computed and while the head is trained, changes no bit', async () => {
    const file = await writeSmallBackbone(join(root, 'slow.onnx'), { depth: 40 });
    vi.stubEnv('XDG_CACHE_HOME', join(root, 'undisturbed-cache'));
    await train('undisturbed', model(file), { epochs: 40, threads: 2 });
    const cache = join(root, 'killed-cache');
    vi.stubEnv('XDG_CACHE_HOME', cache);
    const run = join(root, 'killed');
    const options = {
      dataset,
      run,
      autoResume: true,
      model: model(file),
      train: { ...TRAIN, epochs: 40, threads: 2 },
    };
    const startAndKill = async (isTime: () => Promise<boolean>) => {
      const child = startTraining(options);
      const killed = vi.waitUntil(isTime, { timeout: 60_000, interval: 5 });
      await Promise.race([killed, child]);
      process.kill(-child.pid!, 'SIGKILL');
      const { signal, all } = await child;
      expect(signal, all).toBe('SIGKILL');
    };
    const rows = async () => {
      const file = join(await storeIn(cache), 'keys.bin');
      return (await stat(file).catch(() => ({ size: 0 }))).size / 40;
    };
    await startAndKill(async () => (await rows()) > 0);
    const kept = await rows();
    expect(kept).toBeLessThan(240);
    await startAndKill(async () => (await rows()) > kept);
    const lines = () => readFile(join(run, 'history.jsonl'), 'utf8').catch(() => '');
    await startAndKill(async () => (await lines()).includes('"epoch":3'));
    await resumeTraining({ run });
    vi.stubEnv('XDG_CACHE_HOME', join(root, 'cache'));
    expect(await resultFingerprint(run)).toEqual(await resultFingerprint(join(root, 'undisturbed')));
  });
});

describe('a backbone is refused', () => {
  const refusal = (choice: ReturnType<typeof model>) =>
    train('refused', choice).then(
      () => expect.unreachable(),
      ({ code, message, details }) => ({ code, text: `${message} ${JSON.stringify(details)}` }),
    );

  it('that takes pictures of another size, and says how to import', async () => {
    const large = join(root, 'large');
    const { preprocessingSchema } = await import('../src/core/image/settings.js');
    const { synthesizeDataset } = await import('../src/core/data/dataset/synthesize.js');
    const preprocessing = preprocessingSchema.parse({ width: 16, height: 20 });
    await synthesizeDataset({ characters: ['0', '1'], perClass: 10, out: large, preprocessing });
    const error = await trainModel({ dataset: large, run: join(root, 'refused'), model: model() }).catch(
      (thrown) => thrown,
    );
    expect(error.code).toBe('ROBLE_BACKBONE_INVALID');
    expect(error.details).toMatchObject({
      received: 'pictures of 16x20 in grey',
      expected: '12x12 in colour',
      nextSteps: [expect.stringContaining('--width 12 --height 12')],
    });
  });

  it('that does not say how it wants its pictures', async () => {
    const { code, text } = await refusal({ backbone: { file: backbone } } as never);
    expect(code).toBe('ROBLE_BACKBONE_INVALID');
    expect(text).toContain('imagenet');
  });

  it('that is not the file that is meant', async () => {
    const { code, text } = await refusal(model(backbone, { sha256: '0'.repeat(64) }));
    expect(code).toBe('ROBLE_BACKBONE_INVALID');
    expect(text).toMatch(/SHA-256 [0-9a-f]{64}/);
  });

  it('that is no ONNX file, and leaves no run', async () => {
    const file = join(root, 'no.onnx');
    await writeFile(file, 'not a model');
    expect((await refusal(model(file))).code).toBe('ROBLE_ONNX_INVALID');
    expect(await readdir(root)).not.toContain('refused');
  });

  it('where the engine knows nothing of backbones', async () => {
    const module = new URL('./support/scripted-engine.js', import.meta.url).href;
    const scripted = { name: 'scripted', apiVersion: 1, kind: 'training-engine', module } as const;
    const registry = createRegistry();
    registry.register(scripted);
    const options = { dataset, run: join(root, 'refused'), model: model() };
    await expect(
      trainModel({ ...options, train: { engine: 'scripted' } }, { registry }),
    ).rejects.toMatchObject({ code: 'ROBLE_CONFIG_INVALID', message: /cannot train models on a backbone/ });
    expect(await readdir(root)).not.toContain('refused');
  });

  it('where trials and comparisons train on pictures alone', async () => {
    const { compareDatasets, findLearningRate } = await import('../src/index.js');
    const conditions = [
      { name: 'one', dataset },
      { name: 'two', dataset },
    ];
    const from = { from: join(root, 'plain/model') };
    for (const trial of [
      () => findLearningRate({ dataset, model: model() }),
      () => findLearningRate({ dataset, train: from }),
      () => compareDatasets({ conditions, model: model(), out: join(root, 'compared'), steps: 1 }),
    ])
      await expect(trial()).rejects.toMatchObject({ code: 'ROBLE_USAGE', message: /knows no backbones/ });
  });

  it('whose weights are to come from a bundle with another one', async () => {
    const other = await writeSmallBackbone(join(root, 'other.onnx'), { seed: 2 });
    const thrown = await train('refused', model(other), { from: join(root, 'plain/model') }).catch(
      (error) => error,
    );
    expect(thrown.code).toBe('ROBLE_MODEL_INVALID');
  });
});

describe('a backbone by its URL', () => {
  it('is fetched once, when its SHA-256 is said', async () => {
    const bytes = await readFile(backbone);
    const digest = createHash('sha256').update(bytes).digest('hex');
    let requests = 0;
    const server = createServer((request, response) => {
      requests++;
      response.writeHead(request.url === '/small.onnx' ? 200 : 404).end(bytes);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const unpinned = await train('refused', model(`${url}/small.onnx`)).catch((error) => error);
      expect(unpinned.details.nextSteps[0]).toContain(digest);
      const pinned = model(`${url}/small.onnx`, { sha256: digest });
      await train('fetched', pinned, { epochs: 1 });
      await train('fetched-again', pinned, { epochs: 1 });
      expect(requests).toBe(1);
      const missing = await train('refused', model(`${url}/none.onnx`, { sha256: '1'.repeat(64) })).catch(
        (error) => error,
      );
      expect(missing).toMatchObject({
        code: 'ROBLE_SERVER_UNREACHABLE',
        details: { received: 'status 404' },
      });
    } finally {
      server.close();
    }
  });
});
