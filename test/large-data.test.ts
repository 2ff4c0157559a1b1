/** Data sets whose pictures do not fit into the memory: the same bytes as in memory, whatever is made of them. */
import { cp, open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { sha256 } from '../src/core/base/storage/durable.js';
import { augmentSchema } from '../src/core/data/augment/settings.js';
import { openDataset } from '../src/core/data/dataset/open.js';
import type { TrainingProgress } from '../src/core/learning/training/run/events.js';
import { resultFingerprint } from '../src/core/learning/training/verify.js';
import { BUNDLE_FILES, openBundle } from '../src/core/model/bundle.js';
import {
  balanceDataset,
  type LibraryContext,
  quantizeModel,
  replaySamples,
  resumeTraining,
  trainModel,
  validateDataset,
} from '../src/index.js';
import { trainHere } from './faults/training.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { tinyDataset } from './support/tiny-dataset.js';

let root: string;
let dataset: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('large-data'));
  dataset = await tinyDataset(join(root, 'dataset'));
});
afterEach(() => {
  vi.unstubAllEnvs();
});
afterAll(() => remove());

const at = (name: string) => join(root, name);

/** From now on pictures are read from their files as they are needed. */
const leaveInFiles = () => vi.stubEnv('ROBLE_DATA_MEMORY_MB', '0');
const takeIntoMemory = () => vi.stubEnv('ROBLE_DATA_MEMORY_MB', '');

/** What something gives with the pictures in memory, and with the pictures in their files. */
async function bothWays<T>(make: (way: 'memory' | 'files') => Promise<T>): Promise<[T, T]> {
  takeIntoMemory();
  const inMemory = await make('memory');
  leaveInFiles();
  return [inMemory, await make('files')];
}

const SETTINGS = {
  epochs: 3,
  batchSize: 16,
  threads: 1,
  numWorkers: 2,
  learningRate: 0.01,
  mixupAlpha: 0.2,
  augment: augmentSchema.parse({ strategy: 'light', mixup: 0.3 }),
  checkpointEverySteps: 5,
};
const optionsOf = (run: string, data = dataset) => ({
  dataset: data,
  run: at(run),
  model: { preset: 'cnn-small' as const },
  train: SETTINGS,
});

/** Of every file of a folder, its hash; the name of a data set is that of its folder. */
async function filesOf(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(at(folder))).sort();
  const hashes = names.map(async (name) => {
    const content = await readFile(join(at(folder), name), 'latin1');
    return [name, sha256(content.replace(`"name": "${folder}"`, ''))];
  });
  return Object.fromEntries(await Promise.all(hashes));
}

it('stay in their files where the memory may not hold them', async () => {
  const [loaded, left] = await bothWays(async () => (await openDataset(dataset)).open('train'));
  expect(loaded.pictures).toHaveProperty('images');
  expect(left.pictures).not.toHaveProperty('images');
  // 192 pictures of 144 bytes.
  for (const [megabytes, isLoaded] of [
    [192 * 144, true],
    [192 * 144 - 1, false],
  ] as const) {
    vi.stubEnv('ROBLE_DATA_MEMORY_MB', String(megabytes / 2 ** 20));
    expect('images' in (await (await openDataset(dataset)).open('train')).pictures).toBe(isLoaded);
  }
  vi.stubEnv('ROBLE_DATA_MEMORY_MB', 'much');
  await expect((await openDataset(dataset)).open('train')).rejects.toMatchObject({
    code: 'ROBLE_CONFIG_INVALID',
  });
});

describe('a run', () => {
  let expected: Awaited<ReturnType<typeof resultFingerprint>>;
  beforeAll(async () => {
    await trainModel(optionsOf('memory'));
    expected = await resultFingerprint(at('memory'));
  });
  const expectSame = async (run: string) => expect(await resultFingerprint(at(run))).toEqual(expected);

  it('ends with the same bits, epoch by epoch', async () => {
    leaveInFiles();
    await trainModel(optionsOf('files'));
    await expectSame('files');
    const { goldenImages, goldenProbabilities } = BUNDLE_FILES;
    for (const file of [
      'evaluation.json',
      'mistakes.png',
      `model/${goldenImages}`,
      `model/${goldenProbabilities}`,
    ])
      expect(await readFile(join(at('files'), file))).toEqual(await readFile(join(at('memory'), file)));
    const [one, other] = await Promise.all(
      ['memory', 'files'].map((run) => openBundle(join(at(run), 'model'))),
    );
    expect(one!.manifest.profile).toBeDefined();
    expect(other!.manifest.profile).toEqual(one!.manifest.profile);
  });

  it('that is killed ends with the same bits', async () => {
    leaveInFiles();
    const { train, ...options } = optionsOf('killed');
    const fault = { on: 'step', at: 17, do: 'kill', marker: at('killed-once') } as const;
    await trainHere({ ...options, train: { ...train, engine: 'faulty' } }, [fault]);
    await expectSame('killed');
  });

  /** Does something at the first checkpoint. */
  function atCheckpoint(act: () => unknown) {
    let isFirst = true;
    const report = (progress: TrainingProgress) => {
      if (progress.type !== 'train' || progress.event.kind !== 'checkpoint' || !isFirst) return;
      isFirst = false;
      act();
    };
    return { reporter: { report } };
  }

  it('that is interrupted may go on either way', async () => {
    for (const [first, then] of [
      [leaveInFiles, takeIntoMemory],
      [takeIntoMemory, leaveInFiles],
    ] as const) {
      const run = `from-${first === leaveInFiles ? 'files' : 'memory'}`;
      const controller = new AbortController();
      first();
      const { stopped } = await trainModel(optionsOf(run), {
        signal: controller.signal,
        ...atCheckpoint(() => controller.abort()),
      });
      expect(stopped).toBe('interrupted');
      then();
      await resumeTraining({ run: at(run) });
      await expectSame(run);
    }
  });

  it('that meets a picture which was changed ends, and goes on when the data are as they were', async () => {
    const copy = at('copy');
    await cp(dataset, copy, { recursive: true });
    const file = join(copy, 'train-00000.images');
    const pictures = await readFile(file);
    const write = async (content: Uint8Array) => {
      const handle = await open(file, 'r+');
      await handle.write(content, 0, content.length, 0);
      await handle.close();
    };
    leaveInFiles();
    let written: Promise<void> | undefined;
    const damage = atCheckpoint(() => {
      written = write(pictures.map((value) => value ^ 1));
    });
    await expect(trainModel(optionsOf('changed', copy), damage)).rejects.toMatchObject({
      code: 'ROBLE_DATASET_INVALID',
      message: expect.stringContaining('train-00000.images was changed'),
    });
    await written;
    await write(pictures);
    await resumeTraining({ run: at('changed') });
    await expectSame('changed');
  });

  it('gives a model that is quantized to the same files', async () => {
    const bundle = join(at('memory'), 'model');
    const [one, other] = await bothWays(async (way) => {
      const {
        speed: _,
        bundle: __,
        ...result
      } = await quantizeModel({
        bundle,
        dataset,
        out: at(`int8-${way}`),
        maxDrop: 1,
        samples: 50,
      });
      return result;
    });
    expect(other).toEqual(one);
    expect(await filesOf('int8-files')).toEqual(await filesOf('int8-memory'));
  });

  it('gives a model that judges labels alike', async () => {
    const model = join(at('memory'), 'model');
    const [one, other] = await bothWays(async () => (await validateDataset({ dataset, model })).findings);
    expect(one.length).toBeGreaterThan(0);
    expect(other).toEqual(one);
  });
});

it('are balanced, with copies and blends, to the same files, whose copies can be made again', async () => {
  const augment = { strategy: 'medium', canvasStyle: 0.3, mixup: 0.3 } as const;
  const [one, other] = await bothWays(async (way) => {
    const out = at(`balanced-${way}`);
    await balanceDataset({ sources: [{ dataset }], out, target: 150, seed: 5, augment, workers: 2 });
    const { samples } = await replaySamples({ folder: out, samples: [0, 5, 200, 599] });
    return samples;
  });
  expect(await filesOf('balanced-files')).toEqual(await filesOf('balanced-memory'));
  expect(other).toEqual(one);
  expect(one.some(({ copy }) => copy)).toBe(true);
});

it('are checked, and cleaned of what was found in them, to the same files', async () => {
  // The copies of a balanced data set are near-duplicates.
  const [one, other] = await bothWays((way) =>
    validateDataset({
      dataset: at('balanced-memory'),
      apply: { out: at(`cleaned-${way}`), remove: ['duplicates', 'near-duplicates', 'labels', 'blank'] },
    }),
  );
  expect(one.findings.length).toBeGreaterThan(0);
  expect(other.findings).toEqual(one.findings);
  expect(await filesOf('cleaned-files')).toEqual(await filesOf('cleaned-memory'));
});

it.each([
  [
    'balanced',
    (context: LibraryContext) => balanceDataset({ sources: [{ dataset }], out: at('never') }, context),
  ],
  ['checked', (context: LibraryContext) => validateDataset({ dataset }, context)],
] as const)('can be interrupted while they are opened to be %s', async (_, run) => {
  leaveInFiles();
  const controller = new AbortController();
  const steps: string[] = [];
  const report = (progress: TrainingProgress) => {
    if (progress.type !== 'step') return;
    steps.push(progress.status);
    controller.abort();
  };
  await expect(run({ signal: controller.signal, reporter: { report } })).rejects.toMatchObject({
    code: 'ROBLE_INTERRUPTED',
  });
  // Not after the step in which it reads them.
  expect(steps).toEqual(['started', 'failed']);
  expect(await readdir(root)).not.toContain('never');
});
