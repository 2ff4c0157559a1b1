/** `roble model:quantize`: a bundle like any other, or nothing. */
import { cp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RobleError } from '../src/core/base/errors.js';
import { preprocessingSchema } from '../src/core/image/settings.js';
import { openBundle, readTrainedModel, writeBundle } from '../src/core/model/bundle.js';
import { resolveNetwork } from '../src/core/model/network.js';
import { answerOnce } from '../src/engine-kit/onnx/checked-export.js';
import { buildInferenceGraph } from '../src/engine-kit/onnx/inference-graph.js';
import {
  createServer,
  evaluateModel,
  loadModel,
  type QuantizeResult,
  quantizeModel,
  trainModel,
} from '../src/index.js';
import { samplesIn } from './support/samples.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { tinyBundle } from './support/tiny-bundle.js';
import { tinyDataset } from './support/tiny-dataset.js';

const CLI = join(import.meta.dirname, '../bin/run.js');

let root: string;
let dataset: string;
let model: string;
let out: string;
let result: QuantizeResult;
let remove: () => Promise<void>;

beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('quantize'));
  dataset = await tinyDataset(join(root, 'dataset'), { train: 0.5, validation: 0.3, test: 0.2 });
  const train = { epochs: 6, batchSize: 16, threads: 1, learningRate: 0.004 };
  ({ bundle: model } = (await trainModel({
    ...{ dataset, run: join(root, 'run'), model: { preset: 'cnn-small' }, train },
  })) as { bundle: string });
  out = join(root, 'int8');
  result = await quantizeModel({ bundle: model, dataset, out, maxDrop: 0.2, samples: 50, seed: 7 });
});
afterAll(() => remove());

async function bytesOf(folder: string): Promise<Record<string, Buffer>> {
  const names = (await readdir(folder)).sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name))])),
  );
}

describe('a quantized bundle', () => {
  it('says where it comes from, and is about a quarter as large', async () => {
    const [source, made] = [await openBundle(model), await openBundle(out)];
    const { fingerprint } = JSON.parse(await readFile(join(dataset, 'dataset.json'), 'utf8'));
    const { classes, preprocessing, architecture, training } = source.manifest;
    expect(made.manifest).toMatchObject({ classes, preprocessing, architecture, training });
    expect(made.manifest.quantization).toMatchObject({
      from: source.digest,
      layers: { quantized: 4, all: 4 },
      calibration: { dataFingerprint: fingerprint, samples: 50, seed: 7 },
      accuracy: result.accuracy,
    });
    expect(made.manifest.profile?.count).toBe(result.accuracy.samples);
    expect(result.bytes.after).toBe((await stat(join(out, 'model.onnx'))).size);
    expect(result.bytes.after).toBeLessThan(result.bytes.before / 2.5);
  });

  it('is as accurate as its report says, by the way in which models are evaluated', async () => {
    const { data } = await evaluateModel({ models: [model, out], data: [dataset], split: 'validation' });
    const [before, after] = data[0]!.evaluations;
    expect(result.accuracy).toMatchObject({
      ...{ split: 'validation', samples: before!.count },
      ...{ before: before!.accuracy, after: after!.accuracy },
    });
    // The test would say little of a model that knows nothing.
    expect(after!.accuracy).toBeGreaterThan(0.5);
    expect(result.speed.map(({ batchSize }) => batchSize)).toEqual([1, 64]);
  });

  it('has the same bytes when it is made again, and others by other pictures', async () => {
    const again = join(root, 'again');
    await quantizeModel({ bundle: model, dataset, out: again, maxDrop: 0.2, samples: 50, seed: 7 });
    expect(await bytesOf(again)).toEqual(await bytesOf(out));
    const other = join(root, 'other');
    await quantizeModel({ bundle: model, dataset, out: other, maxDrop: 0.2, samples: 50, seed: 8 });
    expect((await bytesOf(other))['model.onnx']).not.toEqual((await bytesOf(out))['model.onnx']);
  });

  it('is calibrated on the training split alone', async () => {
    // The same training split beside other pictures.
    const elsewhere = await tinyDataset(join(root, 'elsewhere'), { train: 0.5, validation: 0.2, test: 0.3 });
    const [here, there] = await Promise.all([dataset, elsewhere].map((folder) => samplesIn(folder, 'train')));
    expect(there).toEqual(here);
    const other = join(root, 'beside-others');
    await quantizeModel({
      bundle: model,
      dataset: elsewhere,
      out: other,
      maxDrop: 0.2,
      samples: 50,
      seed: 7,
    });
    expect((await bytesOf(other))['model.onnx']).toEqual((await bytesOf(out))['model.onnx']);
  });

  it('is served, also as canary and as shadow, and answers as the library does', async () => {
    const [sample] = await samplesIn(dataset, 'validation');
    const loaded = await loadModel(out);
    const [expected] = await loaded.predictPixels([sample!.pixels], 4);
    await loaded.close();
    const models = join(root, 'models');
    for (const [version, folder] of [model, out, out].entries())
      await cp(folder, join(models, 'characters', `${version + 1}`), { recursive: true });
    const plan = { version: '1', canary: { version: '2', percent: 100 }, shadow: { version: '3' } };
    await writeFile(join(models, 'characters', 'serving.json'), JSON.stringify(plan));
    const server = await createServer({ models, port: 0, workers: 0 });
    const ask = async (query: string) => {
      const response = await fetch(`${server.url}/predict${query}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ pixels: [...sample!.pixels], topK: 4 }),
      });
      expect(response.status).toBe(200);
      return (await response.json()) as { model: { version: string }; predictions: unknown };
    };
    try {
      // The canary, and the shadow by its name.
      for (const [query, version] of [
        ['', '2'],
        ['?version=3', '3'],
      ] as const) {
        const { model: answering, predictions } = await ask(query);
        expect(answering.version).toBe(version);
        expect(predictions).toMatchObject(expected!);
      }
    } finally {
      await server.close();
    }
  });

  it('may be as far from its golden answers as it says, and no further', async () => {
    const { manifest, golden } = await openBundle(out);
    const onnx = await readFile(join(out, 'model.onnx'));
    const probabilities = golden.probabilities.map((probability) => probability + 0.01);
    for (const tolerance of [0.02, 0.005]) {
      const folder = join(root, `tolerance-${tolerance}`);
      await writeBundle(folder, {
        manifest,
        onnx,
        golden: { ...golden, probabilities, tolerance },
      });
    }
    await (await loadModel(join(root, 'tolerance-0.02'))).close();
    await expect(loadModel(join(root, 'tolerance-0.005'))).rejects.toMatchObject({
      code: 'ROBLE_BUNDLE_INVALID',
      details: { expected: 'at most 0.005' },
    });
  });

  it('has no weights to train on from, and says whose it was made from', async () => {
    const { digest } = await openBundle(model);
    await expect(readTrainedModel(out)).rejects.toMatchObject({
      code: 'ROBLE_BUNDLE_INVALID',
      details: { expected: expect.stringContaining(digest) },
    });
  });
});

/** A bundle of a model that knows as much as the other, and loses it with 8 bits: one channel, which nobody heeds, is huge. */
async function fragileBundle(folder: string): Promise<string> {
  const { model: spec, weights } = await readTrainedModel(model);
  const { manifest, golden } = await openBundle(model);
  const network = resolveNetwork(spec);
  const [scale, shift, dense] = ['batchNorm3.scale', 'batchNorm3.bias', 'dense1.weight'].map(
    (name) => weights[name]!,
  );
  scale!.data[0] = 0;
  shift!.data[0] = 1e6;
  dense!.data.fill(0, 0, spec.classes);
  const onnx = buildInferenceGraph(network, weights, { fold: true });
  const probabilities = await answerOnce(spec, onnx, { threads: 1 })(golden.images, golden.count);
  await writeBundle(folder, { manifest, onnx, weights, golden: { ...golden, probabilities } });
  return folder;
}

describe('a refusal', () => {
  /** What a refusal says; nothing is written. */
  async function refusal(
    options: Partial<Parameters<typeof quantizeModel>[0]>,
    missing = join(root, 'refused', 'made'),
  ) {
    const before = await readdir(root);
    const error = await quantizeModel({ bundle: model, dataset, out: missing, ...options }).then(
      () => undefined,
      (thrown) => thrown.toJSON(),
    );
    expect((await readdir(root)).filter((name) => !before.includes(name) && name !== 'refused')).toEqual([]);
    expect(await readdir(join(root, 'refused')).catch(() => [])).toEqual([]);
    return error;
  }

  it('meets a model that would lose more accuracy than it may', async () => {
    const fragile = await fragileBundle(join(root, 'fragile'));
    const error = await refusal({ bundle: fragile });
    expect(error).toMatchObject({ code: 'ROBLE_QUANTIZATION_REFUSED', expected: 'at most 0.005 less' });
    expect(error.received).toMatch(/^an accuracy of 0\.\d+ after 0\.[5-9]/);
    const allowed = await quantizeModel({ bundle: fragile, dataset, out: join(root, 'allowed'), maxDrop: 1 });
    expect(allowed.accuracy.after).toBeLessThan(0.4);
  });

  it('meets what is quantized already', async () => {
    expect(await refusal({ bundle: out })).toMatchObject({
      code: 'ROBLE_QUANTIZATION_REFUSED',
      message: expect.stringContaining('already'),
    });
  });

  it('meets a bundle of an engine that cannot do it', async () => {
    const folder = join(root, 'other-engine');
    const { manifest, golden } = await openBundle(model);
    const training = { ...manifest.training, engine: 'tfjs' };
    await writeBundle(folder, {
      ...{ manifest: { ...manifest, training }, golden },
      onnx: await readFile(join(model, 'model.onnx')),
    });
    expect(await refusal({ bundle: folder })).toMatchObject({
      code: 'ROBLE_QUANTIZATION_REFUSED',
      message: 'The engine "tfjs" cannot quantize its models.',
    });
  });

  it('meets pictures of another shape, and other classes, by name', async () => {
    const quarters = await tinyBundle(join(root, 'quarters'));
    const { code, problems } = await refusal({ bundle: quarters });
    expect(code).toBe('ROBLE_DATASETS_DIFFER');
    const messages = problems.map(({ message }: { message: string }) => message).join('; ');
    expect(messages).toContain('lacks the classes "top-left"');
    expect(messages).toContain(
      `has pictures with width 12, not ${preprocessingSchema.parse({ width: 8, height: 8 }).width}`,
    );
  });

  /** The data set without some of its splits. */
  async function withoutSplits(name: string, splits: readonly string[]): Promise<string> {
    const folder = join(root, name);
    await cp(dataset, folder, { recursive: true });
    const path = join(folder, 'dataset.json');
    const manifest = JSON.parse(await readFile(path, 'utf8'));
    for (const split of splits) delete manifest.splits[split];
    await writeFile(path, JSON.stringify(manifest));
    return folder;
  }

  it('meets a data set without a training split, or nothing to judge on', async () => {
    const judged = await withoutSplits('judged', ['train']);
    expect(await refusal({ dataset: judged })).toMatchObject({
      code: 'ROBLE_DATASET_SPLIT',
      expected: 'train',
    });
    const learnt = await withoutSplits('learnt', ['validation', 'test']);
    expect(await refusal({ dataset: learnt })).toMatchObject({
      code: 'ROBLE_DATASET_SPLIT',
      expected: 'validation',
    });
  });

  it('leaves nothing when it is interrupted, whatever it is doing', async () => {
    for (const step of ['calibrate', 'evaluate']) {
      const controller = new AbortController();
      const report = (event: { type: string; id?: string }) => {
        if (event.type === 'progress' && event.id === step)
          controller.abort(new RobleError('ROBLE_INTERRUPTED', 'Now.'));
      };
      const interrupted = quantizeModel(
        { bundle: model, dataset, out: join(root, 'refused', 'made') },
        { signal: controller.signal, reporter: { report } },
      );
      await expect(interrupted).rejects.toMatchObject({ code: 'ROBLE_INTERRUPTED' });
      expect(await readdir(join(root, 'refused')).catch(() => [])).toEqual([]);
    }
  });

  it('meets numbers that mean nothing', async () => {
    for (const numbers of [
      { maxDrop: -0.1 },
      { maxDrop: 1.5 },
      { maxDrop: Number.NaN },
      { samples: 0 },
      { seed: 0.5 },
    ])
      expect(await refusal(numbers)).toMatchObject({ code: 'ROBLE_USAGE' });
  });

  it('leaves a folder that is there alone', async () => {
    const taken = join(root, 'taken');
    await cp(out, taken, { recursive: true });
    await expect(quantizeModel({ bundle: model, dataset, out: taken })).rejects.toMatchObject({
      code: 'ROBLE_OUTPUT_EXISTS',
    });
    expect(await bytesOf(taken)).toEqual(await bytesOf(out));
  });
});

describe('model:quantize', () => {
  const roble = (...args: string[]) =>
    execa(process.execPath, [CLI, 'model:quantize', ...args], { cwd: root, reject: false });

  it('writes beside the bundle where no folder is named', async () => {
    const { exitCode, stdout } = await roble(
      `${model}/`,
      '--dataset',
      dataset,
      '--max-drop',
      '0.2',
      '--json',
    );
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout).result).toMatchObject({ from: `${model}/`, bundle: `${model}-int8` });
    await openBundle(`${model}-int8`);
  });

  it('tells people and programs the same', async () => {
    const to = join(root, 'told');
    const shown = await roble(model, '--dataset', dataset, '--out', to, '--max-drop', '0.2');
    expect(shown.exitCode).toBe(0);
    expect(shown.stdout).toMatch(/Accuracy .*points\n/);
    expect(shown.stdout).toMatch(/Images a second, 64 at a time .*times\n/);
    const refused = await roble(
      join(root, 'fragile'),
      '--dataset',
      dataset,
      '--out',
      join(root, 'no'),
      '--json',
    );
    expect(refused.exitCode).toBe(4);
    expect(JSON.parse(refused.stdout)).toMatchObject({
      ok: false,
      error: { code: 'ROBLE_QUANTIZATION_REFUSED' },
    });
    expect(await readdir(root)).not.toContain('no');
  });
});
