import { createHash } from 'node:crypto';
import { appendFile, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { decodeCheckpoint } from '../src/core/learning/training/checkpoints/checkpoint.js';
import type { TrainEvent, TrainingProgress } from '../src/core/learning/training/run/events.js';
import { openBundle } from '../src/core/model/bundle.js';
import { trainModel } from '../src/index.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { tinyDataset } from './support/tiny-dataset.js';

let root: string;
let dataset: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('train'));
  dataset = await tinyDataset(join(root, 'dataset'));
});
afterAll(() => remove());

const SETTINGS = { epochs: 2, batchSize: 16, threads: 1, learningRate: 0.01 };
const train = (run: string, settings = {}, context = {}) =>
  trainModel(
    { dataset, run: join(root, run), model: { preset: 'cnn-small' }, train: { ...SETTINGS, ...settings } },
    context,
  );

const hashOf = async (...path: string[]) =>
  createHash('sha256')
    .update(await readFile(join(root, ...path)))
    .digest('hex');
const history = async (run: string) => JSON.parse(await readFile(join(root, run, 'history.json'), 'utf8'));

/** Collects the events, and calls `react` on each. */
function listen(react: (event: TrainEvent) => void = () => {}) {
  const events: TrainEvent[] = [];
  const report = (event: TrainingProgress) => {
    if (event.type !== 'train') return;
    events.push(event.event);
    react(event.event);
  };
  return { events, reporter: { report } };
}

describe('trainModel', () => {
  it('learns, keeps a history of every epoch, and exports the best one as a bundle that opens', async () => {
    const result = await train('learns', { epochs: 6 });
    expect(result).toMatchObject({ stopped: 'completed', epochs: 6 });
    const { epochs, events } = await history('learns');
    expect(epochs.map((record: { epoch: number }) => record.epoch)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(epochs[5].loss).toBeLessThan(epochs[0].loss / 2);
    expect(events.map((event: { event: string }) => event.event)).toEqual(['started', 'completed']);
    const best = Math.max(...epochs.map((record: { valAccuracy: number }) => record.valAccuracy));
    expect(result.best?.valAccuracy).toBe(best);
    // Four characters by chance: 0.25.
    expect(best).toBeGreaterThan(0.8);
    const bundle = await openBundle(result.bundle!);
    expect(bundle.manifest.training.metrics.valAccuracy).toBe(best);
    const lines = (await readFile(join(root, 'learns', 'history.jsonl'), 'utf8')).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).type)).toEqual([
      'run',
      'event',
      ...Array(6).fill('epoch'),
      'event',
    ]);
    expect(await readdir(join(root, 'learns'))).not.toContain('run.lock');
  });

  it('gives the same bits for the same settings, and others for another seed', async () => {
    for (const [run, seed] of [
      ['same-a', 5],
      ['same-b', 5],
      ['other', 6],
    ] as const)
      await train(run, { seed });
    const [a, b, other] = await Promise.all(
      ['same-a', 'same-b', 'other'].map((run) => hashOf(run, 'model', 'model.onnx')),
    );
    expect(a).toBe(b);
    expect(other).not.toBe(a);
  });

  it('refuses a second run in a folder where one is going on, and leaves the first alone', async () => {
    let second: Promise<unknown> | undefined;
    const { reporter } = listen(({ kind }) => {
      if (kind === 'started') second = train('twice').catch((error) => error);
    });
    expect((await train('twice', {}, { reporter })).stopped).toBe('completed');
    expect(await second).toMatchObject({ code: 'ROBLE_FOLDER_LOCKED' });
    await expect(train('twice')).rejects.toMatchObject({ code: 'ROBLE_RUN_EXISTS' });
  });

  it('when aborted saves the state of that very step, exports the best epoch, and ends', async () => {
    const controller = new AbortController();
    const { events, reporter } = listen((event) => {
      if (event.kind === 'step' && event.epoch === 2) controller.abort();
    });
    // Epochs of many steps: the stop comes within one.
    const settings = { epochs: 1000, batchSize: 2 };
    const result = await train('aborted', settings, { reporter, signal: controller.signal });
    expect(result.stopped).toBe('interrupted');
    const folder = join(root, 'aborted', 'checkpoints');
    const newest = (await readdir(folder))
      .filter((name) => name.startsWith('step-'))
      .sort()
      .at(-1)!;
    const { state, progress } = decodeCheckpoint(await readFile(join(folder, newest)), newest);
    const started = events.find((event) => event.kind === 'started')!;
    expect(state.step).toBe(progress.step);
    expect(progress.step).toBe(progress.epochs.length * started.stepsPerEpoch + progress.current.steps);
    expect(progress.epochs).toHaveLength(result.epochs);
    await openBundle(result.bundle!);
    expect((await history('aborted')).events.at(-1)).toMatchObject({
      event: 'interrupted',
      step: state.step,
    });
  });

  it('says so when the numbers stay impossible, after skips and roll-backs, with the samples in the history', async () => {
    const settings = { learningRate: 1e30, clipNorm: 0, schedule: { type: 'constant', warmupEpochs: 0 } };
    const error = await train('diverges', settings).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'ROBLE_TRAIN_DIVERGED' });
    const { events } = await history('diverges');
    expect(events.at(-1).event).toBe('failed');
    const kinds = events.map(({ event }: { event: string }) => event);
    for (const kind of ['step-skipped', 'rolled-back', 'learning-rate-cut']) expect(kinds).toContain(kind);
    const skipped = events.find(({ event }: { event: string }) => event === 'step-skipped');
    expect(new Set(skipped.samples).size).toBe(SETTINGS.batchSize);
  });

  it('refuses options that are not valid, all at once, before it makes a folder', async () => {
    const settings = { epochs: 0, batchSize: -1 };
    await expect(train('invalid', settings)).rejects.toMatchObject({
      code: 'ROBLE_CONFIG_INVALID',
      details: { problems: [{ path: 'epochs' }, { path: 'batchSize' }] },
    });
    expect(await readdir(root)).not.toContain('invalid');
  });

  it('says once what is wrong with its data or settings, before it makes a folder or starts a process', async () => {
    const trainOnly = await tinyDataset(join(root, 'train-only'), { train: 1 });
    const cases: [what: object, code: string][] = [
      [{ dataset: join(root, 'nowhere') }, 'ROBLE_FILE_NOT_FOUND'],
      [{ dataset: trainOnly }, 'ROBLE_DATASET_SPLIT'],
      [{ dataset, validation: join(root, 'nowhere') }, 'ROBLE_FILE_NOT_FOUND'],
      [{ dataset, train: { twins: [['no', 'class']] } }, 'ROBLE_CONFIG_INVALID'],
      [{ dataset, train: { frozen: ['nothing'] } }, 'ROBLE_CONFIG_INVALID'],
      [{ dataset, model: { layers: [{ type: 'flatten' }] } }, 'ROBLE_MODEL_INVALID'],
    ];
    for (const [what, code] of cases) {
      const events: unknown[] = [];
      const context = { reporter: { report: (event: TrainingProgress) => void events.push(event) } };
      const options = { dataset, run: join(root, 'refused'), ...what };
      await expect(trainModel(options, context)).rejects.toMatchObject({ code });
      expect(events).toEqual([]);
      expect(await readdir(root)).not.toContain('refused');
    }
  });

  it('says once what only the training process can find, and leaves nothing behind', async () => {
    const { events, reporter } = listen();
    const damaged = await tinyDataset(join(root, 'damaged'));
    const { splits } = JSON.parse(await readFile(join(damaged, 'dataset.json'), 'utf8'));
    await appendFile(join(damaged, splits.train.parts[0].images.file), 'more');
    const options = { dataset: damaged, run: join(root, 'damaged-run') };
    await expect(trainModel(options, { reporter })).rejects.toMatchObject({ code: 'ROBLE_DATASET_INVALID' });
    expect(events).toEqual([]);
    expect(await readdir(root)).not.toContain('damaged-run');
  });
});
