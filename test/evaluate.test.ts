import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import sharp from 'sharp';
import { create } from 'tar';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { preprocessingSchema } from '../src/core/image/settings.js';
import type { Classifier } from '../src/core/learning/evaluation/classifier.js';
import { evaluateModels } from '../src/core/learning/evaluation/evaluate.js';
import { createKey } from '../src/core/serving/access/api-keys.js';
import {
  createServer,
  type EvaluateModelOptions,
  evaluateModel,
  exportDataset,
  importDataset,
  parseBound,
  trainModel,
} from '../src/index.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { quarterPng, TINY_CLASSES, TINY_SIDE, tinyBundle } from './support/tiny-bundle.js';
import { tinyDataset } from './support/tiny-dataset.js';

let root: string;
let bundle: string;
let photos: string;
let remove: () => Promise<void>;

/** Pictures of quarters in a folder for each class. */
async function writeQuarters(folder: string, perClass: number, classes = TINY_CLASSES): Promise<string> {
  for (const [quarter, name] of classes.entries()) {
    await mkdir(join(folder, name), { recursive: true });
    for (let i = 0; i < perClass; i++)
      await writeFile(join(folder, name, `${i}.png`), await quarterPng(quarter, 255 - i));
  }
  return folder;
}

beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('evaluate'));
  bundle = await tinyBundle(join(root, 'model'));
  photos = await writeQuarters(join(root, 'photos'), 3);
});
afterAll(() => remove());

/** One model on one source. */
async function evaluate(data: string, options: Partial<EvaluateModelOptions> = {}) {
  const result = await evaluateModel({ models: [bundle], data: [data], ...options });
  return { ...result.data[0]!, ...result.data[0]!.evaluations[0]! };
}

/** What must not depend on the way that the pictures took; of means but for the order of summation. */
function numbersOf(of: Awaited<ReturnType<typeof evaluate>>) {
  const { count, accuracy, balancedAccuracy, topK, loss, perClass } = of;
  return { count, accuracy, balancedAccuracy, topK, loss: loss?.toFixed(9), perClass };
}

describe('a trained model', () => {
  let dataset: string;
  let run: string;
  let model: string;
  beforeAll(async () => {
    dataset = await tinyDataset(join(root, 'dataset'), { train: 0.4, validation: 0.3, test: 0.3 });
    run = join(root, 'run');
    const train = { epochs: 3, batchSize: 16, threads: 1, learningRate: 0.004 };
    ({ bundle: model } = (await trainModel({
      ...{ dataset, run, model: { preset: 'cnn-small' }, train },
    })) as { bundle: string });
  });

  it('gets on its validation split the very numbers that training recorded', async () => {
    const recorded = JSON.parse(await readFile(join(run, 'evaluation.json'), 'utf8'));
    const found = await evaluate(dataset, { models: [model], split: 'validation' });
    // The test would say little of a model that knows everything, or nothing.
    expect(recorded.accuracy).toBeGreaterThan(0.2);
    expect(recorded.accuracy).toBeLessThan(1);
    expect(found.accuracy).toBe(recorded.accuracy);
    expect(found.balancedAccuracy).toBe(recorded.balancedAccuracy);
    expect(found.topK[0]).toEqual({ k: 3, accuracy: recorded.top3Accuracy });
    expect(found.perClass).toEqual(recorded.perClass);
    // The exported network computes the same sums in another order.
    expect(found.loss).toBeCloseTo(recorded.loss, 4);
    expect(found.remarks[0]).toContain('was chosen by these samples');
  });

  it('gets the same from a data set, its pictures in folders, an archive, IDX and Parquet, and a server', async () => {
    const expected = numbersOf(await evaluate(dataset, { models: [model] }));
    for (const format of ['folder', 'idx', 'parquet'] as const) {
      const out = join(root, format);
      await exportDataset({ dataset, format, out });
      const found = await evaluate(out, { models: [model] });
      expect([format, found.split, numbersOf(found)]).toEqual([format, 'test', expected]);
    }
    const archive = join(root, 'folder.tar.gz');
    await create(
      { file: archive, gzip: true, cwd: join(root, 'folder') },
      await readdir(join(root, 'folder')),
    );
    expect(numbersOf(await evaluate(archive, { models: [model] }))).toEqual(expected);
    const server = await createServer({ model, port: 0, workers: 0 });
    try {
      for (const data of [dataset, join(root, 'folder'), join(root, 'idx')]) {
        const found = await evaluate(data, { models: [{ url: server.url }] });
        expect([data, numbersOf(found)]).toEqual([data, expected]);
        expect(found.confidentlyWrong).toHaveLength(Math.min(24, found.count - found.right));
      }
    } finally {
      await server.close();
    }
  });

  it('is told that it knows the samples, by the split, and by their pixels wherever they lie', async () => {
    const train = await evaluate(dataset, { models: [model], split: 'train' });
    expect(train.remarks[0]).toContain('these are the samples that');
    expect(train.trainedOn).toBeUndefined();
    const all = await evaluate(dataset, { models: [model], split: 'all' });
    expect(all.trainedOn).toBeGreaterThanOrEqual(train.count);
    const copied = await evaluate(join(root, 'idx'), {
      ...{ models: [model], split: 'train', trainingData: dataset },
    });
    expect(copied.trainedOn).toBe(copied.count);
    expect(copied.remarks.join()).toContain('that it was trained on'.replace('it', model));
    await expect(evaluate(dataset, { models: [bundle], trainingData: dataset })).rejects.toMatchObject({
      code: 'ROBLE_DATASETS_DIFFER',
    });
  });

  it('takes labels that are indices when somebody says so, and does not guess', async () => {
    const expected = numbersOf(await evaluate(dataset, { models: [model] }));
    const idx = join(root, 'numbers');
    await exportDataset({ dataset, format: 'idx', out: idx });
    await rm(join(idx, 'classes.txt'));
    await expect(evaluate(idx, { models: [model] })).rejects.toMatchObject({
      code: 'ROBLE_USAGE',
      details: { nextSteps: [expect.stringMatching(/--labels index.*--labels name/)] },
    });
    expect(numbersOf(await evaluate(idx, { models: [model], labels: 'index' }))).toEqual(expected);
    const listed = await evaluate(idx, { models: [model], classes: ['0', '1', 'A', 'T'] });
    expect(numbersOf(listed)).toEqual(expected);
    // As names, the places 0 and 1 are classes of the model, 2 and 3 are not.
    const named = await evaluate(idx, { models: [model], labels: 'name' });
    expect(named.unknownLabels.map(({ label }) => label).sort()).toEqual(['2', '3']);
  });
});

describe('labels', () => {
  it('are compared by name: the classes of data and model may have any order', async () => {
    const preprocessing = preprocessingSchema.parse({ width: TINY_SIDE, height: TINY_SIDE });
    const out = join(root, 'other-order');
    const classes = [...TINY_CLASSES].reverse();
    await importDataset({ sources: [photos], out, classes, preprocessing });
    const split = 'all';
    expect(await evaluate(out, { split })).toMatchObject({ count: 12, right: 12, remarks: [] });
    const renamed = await tinyBundle(join(root, 'renamed'), { classes: ['top-left', 'a', 'b', 'c'] });
    expect(await evaluate(out, { split, models: [renamed] })).toMatchObject({ right: 3, unknown: 9 });
    // The same name in two forms of Unicode.
    const accents = ['e', 'a', 'o', 'u'].map((letter) => `${letter}\u0301`);
    const decomposed = await tinyBundle(join(root, 'decomposed'), { classes: accents });
    const composed = accents.map((name) => name.normalize('NFC'));
    const folder = await writeQuarters(join(root, 'composed'), 1, composed);
    expect(await evaluate(folder, { models: [decomposed] })).toMatchObject({ right: 4, unknown: 0 });
  });

  it('that the model does not know count as wrong, and are counted and listed', async () => {
    const folder = await writeQuarters(join(root, 'unknown'), 3);
    await mkdir(join(folder, 'middle'));
    for (const i of [0, 1, 2, 3]) await writeFile(join(folder, 'middle', `${i}.png`), await quarterPng(i));
    const found = await evaluate(folder);
    expect(found).toMatchObject({
      ...{ count: 16, right: 12, accuracy: 0.75, knownAccuracy: 1, balancedAccuracy: 0.8 },
      ...{ unknown: 4, unknownLabels: [{ label: 'middle', count: 4 }] },
    });
    expect(found.perClass.at(-1)).toEqual({
      ...{ label: 'middle', support: 4, precision: null, recall: 0, f1: 0 },
    });
    expect(found.confidentlyWrong.map(({ label }) => label)).toEqual(Array(4).fill('middle'));
    expect(found.remarks).toEqual([
      expect.stringMatching(/^4 of 16 samples \(25\.0 %\) have a label that .* "middle" \(4\); .* 100\.0 %$/),
    ]);
  });
});

describe('samples', () => {
  it('that cannot be read are left out, with reasons, and do not stop the others', async () => {
    const folder = await writeQuarters(join(root, 'bad'), 2);
    await writeFile(join(folder, 'top-left', 'cut.png'), (await quarterPng(0)).subarray(0, 50));
    const found = await evaluate(folder);
    expect(found).toMatchObject({
      ...{ count: 8, accuracy: 1, leftOutByCode: { ROBLE_IMAGE_TRUNCATED: 1 } },
      leftOut: [{ source: 'top-left/cut.png', code: 'ROBLE_IMAGE_TRUNCATED' }],
    });
    expect(found.remarks.join()).toContain('1 sample could not be judged');
    const server = await createServer({ model: bundle, port: 0, workers: 0 });
    const there = await evaluate(folder, { models: [{ url: server.url }] }).finally(() => server.close());
    expect(there.leftOut).toEqual(found.leftOut);
    expect(numbersOf(there)).toEqual(numbersOf(found));
  });

  it('that are converted on the way are told, once for each picture, however many models there are', async () => {
    const folder = await writeQuarters(join(root, 'deep'), 1);
    const deep = await sharp(await quarterPng(1))
      .toColourspace('grey16')
      .png()
      .toBuffer();
    for (const name of ['a', 'b']) await writeFile(join(folder, 'top-right', `${name}.png`), deep);
    const found = await evaluate(folder, { models: [bundle, bundle] });
    expect(found).toMatchObject({ count: 6, right: 6, remarks: [expect.stringMatching(/^2 images: /)] });
  });

  it('of which none can be judged are an error with the reasons', async () => {
    const folder = join(root, 'all-bad');
    for (const name of TINY_CLASSES) {
      await mkdir(join(folder, name), { recursive: true });
      await writeFile(join(folder, name, 'a.png'), (await quarterPng(0)).subarray(0, 50));
    }
    await expect(evaluate(folder)).rejects.toMatchObject({
      code: 'ROBLE_SOURCE_EMPTY',
      details: {
        skippedByCode: { ROBLE_IMAGE_TRUNCATED: 4 },
        problems: expect.arrayContaining([expect.objectContaining({ code: 'ROBLE_IMAGE_TRUNCATED' })]),
      },
    });
  });

  it('are those of test, else of validation, and a split that is not there is an error', async () => {
    const folder = join(root, 'splits');
    await writeQuarters(join(folder, 'train'), 3);
    await writeQuarters(join(folder, 'val'), 2);
    expect(await evaluate(folder)).toMatchObject({ split: 'validation', count: 8 });
    expect(await evaluate(folder, { split: 'all' })).toMatchObject({ split: 'all', count: 20 });
    await expect(evaluate(folder, { split: 'test' })).rejects.toMatchObject({
      code: 'ROBLE_DATASET_SPLIT',
      details: { received: 'train, validation', nextSteps: [expect.stringContaining('--split')] },
    });
    await writeQuarters(join(folder, 'test'), 1);
    expect(await evaluate(folder)).toMatchObject({ split: 'test', count: 4 });
    await rm(join(folder, 'test'), { recursive: true });
    await rm(join(folder, 'val'), { recursive: true });
    await expect(evaluate(folder)).rejects.toMatchObject({
      code: 'ROBLE_DATASET_SPLIT',
      details: { received: 'train' },
    });
  });

  it('of a data set that was made for another model are refused, those of a folder are converted', async () => {
    const out = join(root, 'inverted');
    const preprocessing = preprocessingSchema.parse({ width: TINY_SIDE, height: TINY_SIDE, invert: true });
    await importDataset({ sources: [photos], out, preprocessing });
    await expect(evaluate(out, { split: 'all' })).rejects.toMatchObject({
      code: 'ROBLE_DATASETS_DIFFER',
      details: { problems: [{ path: bundle, message: expect.stringContaining('invert true, not false') }] },
    });
    const inverting = await tinyBundle(join(root, 'inverting'), { preprocessing: { invert: true } });
    const server = await createServer({ model: inverting, port: 0, workers: 0 });
    try {
      const [here, there] = [
        await evaluate(out, { split: 'all', models: [inverting] }),
        await evaluate(out, { split: 'all', models: [{ url: server.url }] }),
      ];
      expect(numbersOf(there)).toEqual(numbersOf(here));
      expect(numbersOf(await evaluate(photos, { models: [inverting] }))).toEqual(numbersOf(here));
    } finally {
      await server.close();
    }
  });

  it('with answers that are no numbers are wrong and counted', async () => {
    const answers = [
      [1, 0, 0, 0],
      [Number.NaN, 0, 0, 0],
      [Number.POSITIVE_INFINITY, 0, 0, 0],
    ];
    let asked = 0;
    const broken: Classifier<number> = {
      ...{ place: 'broken', name: 'broken', digest: 'x', classes: TINY_CLASSES },
      input: { width: TINY_SIDE, height: TINY_SIDE, channels: 1 },
      isOrdered: true,
      prepare: async () => ({ content: 0, notices: [] }),
      predict: async (pictures) => pictures.map(() => Float32Array.from(answers[asked++ % 3]!)),
      pixelsOf: async (pictures) => pictures.map(() => new Uint8Array(TINY_SIDE * TINY_SIDE)),
      close: async () => {},
    };
    const { data } = await evaluateModels({ models: [broken as Classifier], data: [photos] });
    expect(data[0]!.evaluations[0]).toMatchObject({ count: 12, nonFinite: 8 });
    expect(data[0]!.evaluations[0]!.right).toBeLessThanOrEqual(4);
    expect(JSON.stringify(data)).not.toContain('null,null');
  });
});

describe('a server', () => {
  it('is judged with a key that is good for predictions alone, and not without one', async () => {
    const keysFile = join(root, 'keys.json');
    const { key: apiKey } = await createKey(keysFile, { name: 'judge', scopes: ['predict'] });
    const server = await createServer({ model: bundle, port: 0, workers: 0, access: { keysFile } as never });
    try {
      const found = await evaluate(photos, { models: [{ url: server.url, apiKey }] });
      expect(found).toMatchObject({ count: 12, right: 12, model: server.url });
      await expect(evaluate(photos, { models: [{ url: server.url }] })).rejects.toMatchObject({
        code: 'ROBLE_KEY_REFUSED',
      });
      // Such a key does not tell the order of the classes, so that places among them mean nothing.
      const [dataset, idx] = [join(root, 'for-idx'), join(root, 'places')];
      const preprocessing = preprocessingSchema.parse({ width: TINY_SIDE, height: TINY_SIDE });
      await importDataset({ sources: [photos], out: dataset, classes: TINY_CLASSES, preprocessing });
      await exportDataset({ dataset, format: 'idx', out: idx });
      await rm(join(idx, 'classes.txt'));
      const places = { models: [{ url: server.url, apiKey }], labels: 'index', split: 'all' } as const;
      await expect(evaluate(idx, places)).rejects.toMatchObject({
        code: 'ROBLE_USAGE',
        details: { nextSteps: [expect.stringContaining('--classes')] },
      });
      expect(await evaluate(idx, { ...places, classes: TINY_CLASSES })).toMatchObject({ right: 12 });
    } finally {
      await server.close();
    }
  });
});

describe('several models', () => {
  it('are compared with the first on the same samples', async () => {
    const [swapped, half] = [
      ['top-right', 'top-left', 'bottom-left', 'bottom-right'],
      ['top-left', 'top-right', 'bottom-right', 'bottom-left'],
    ];
    const models = [
      bundle,
      await tinyBundle(join(root, 'swapped'), { classes: swapped! }),
      await tinyBundle(join(root, 'half'), { classes: half! }),
      await tinyBundle(join(root, 'same'), { name: 'same' }),
    ];
    const { data } = await evaluateModel({ models, data: [photos] });
    // Two of four classes of three pictures each: six on which the first model alone is right, 2 / 2^6.
    const one = { onlyFirstRight: 6, onlySecondRight: 0, bothRight: 6, bothWrong: 0 };
    const { comparisons } = data[0]!;
    expect(comparisons).toMatchObject([
      { ...one, first: models[0], second: models[1], difference: -0.5 },
      { ...one, second: models[2] },
      { onlyFirstRight: 0, onlySecondRight: 0, bothRight: 12, difference: 0 },
    ]);
    // Three tests: the smallest p value times three, and no smaller after it.
    const expected = [2 / 64, 2 / 64, 1].map((value) => expect.closeTo(value, 12));
    expect(comparisons.map(({ pValue }) => pValue)).toEqual(expected);
    const adjusted = [3 / 32, 3 / 32, 1].map((value) => expect.closeTo(value, 12));
    expect(comparisons.map(({ adjustedPValue }) => adjustedPValue)).toEqual(adjusted);
    expect(comparisons[0]!.verdict).toContain('cannot be told apart (6 and 0 of 6 samples');
    expect(comparisons[2]!.verdict).toContain('are right on the same samples');
    const [alone] = (await evaluateModel({ models: models.slice(0, 2), data: [photos] })).data;
    expect(alone!.comparisons[0]!.verdict).toContain(`${models[0]} is better (50.0 points`);
  });
});

describe('model:evaluate', () => {
  const CLI = join(import.meta.dirname, '..', 'bin', 'run.js');
  const command = (...args: string[]) =>
    execa(process.execPath, [CLI, 'model:evaluate', ...args], {
      cwd: root,
      env: { PATH: process.env.PATH, HOME: root, NODE_ENV: 'production' },
      extendEnv: false,
      reject: false,
    });

  it('shows one model at length, writes a page and a sheet, and ends with 4 when a bound is missed', async () => {
    const folder = await writeQuarters(join(root, 'shown'), 2);
    await mkdir(join(folder, '<b>'));
    await writeFile(join(folder, '<b>', 'a.png'), await quarterPng(3));
    await writeFile(join(folder, '<b>', 'cut.png'), (await quarterPng(3)).subarray(0, 50));
    const files = ['--html', 'page.html', '--sheet', 'sheet.png'];
    const bounds = ['--fail-under', 'accuracy=0.8', '--fail-under', 'top3=0.95', '--fail-over', 'leftOut=0'];
    const { exitCode, stdout, stderr } = await command('shown', '--model', 'model', ...files, ...bounds);
    expect(exitCode).toBe(4);
    for (const part of [
      'shown, all samples: 9 samples',
      'accuracy 88.9 % (8 of 9 samples; 95 % interval',
      'met: accuracy is 0.8889',
      'missed: top3Accuracy is 0.8889',
      'missed: leftOut is 0.1',
      '<b>/cut.png',
      'bottom-right',
    ])
      expect(stdout).toContain(part);
    expect(stderr).toContain('have a label that model does not know');
    const page = await readFile(join(root, 'page.html'), 'utf8');
    expect(page).toContain('&lt;b&gt;/cut.png');
    expect(page).not.toMatch(/<b>|<script|src="(?!data:)|NaN|undefined/);
    const { width } = await sharp(join(root, 'sheet.png')).metadata();
    expect(width).toBeGreaterThan(TINY_SIDE);
    const again = await command('shown', '--model', 'model', '--html', 'page.html', '--json');
    expect([again.exitCode, JSON.parse(again.stdout).error.code]).toEqual([2, 'ROBLE_OUTPUT_EXISTS']);
  });

  it('judges several models on several sources, with all of it as JSON', async () => {
    await tinyBundle(join(root, 'second'), { name: 'second' });
    const models = ['--model', 'model', '--model', 'second'];
    const { exitCode, stdout } = await command('photos', 'bad', ...models, '--json', '--fail-under', 'f1=1');
    const { ok, result, warnings } = JSON.parse(stdout);
    expect([exitCode, ok]).toEqual([0, true]);
    expect(result.data.map(({ path, count }: { path: string; count: number }) => [path, count])).toEqual([
      ['photos', 12],
      ['bad', 8],
    ]);
    expect(result.data[1].evaluations).toHaveLength(2);
    expect(result.bounds.map(({ run, met }: { run: string; met: boolean }) => [run, met])).toEqual([
      ['model on photos', true],
      ['second on photos', true],
      ['model on bad', true],
      ['second on bad', true],
    ]);
    expect(warnings).toEqual([expect.stringContaining('1 sample could not be judged')]);
  });

  it('refuses a metric that there is not before it begins, naming those that there are', async () => {
    const unknown = { models: [bundle], data: [photos], bounds: [parseBound('acuracy=1', 'under')] };
    await expect(evaluateModel(unknown)).rejects.toMatchObject({
      code: 'ROBLE_USAGE',
      details: { expected: expect.stringContaining('accuracy, balancedAccuracy, macroF1') },
    });
    const two = { models: [bundle], data: [photos, photos], files: { sheet: join(root, 'two.png') } };
    await expect(evaluateModel(two)).rejects.toMatchObject({ code: 'ROBLE_USAGE' });
    expect(await readdir(root)).not.toContain('two.png');
  });
});
