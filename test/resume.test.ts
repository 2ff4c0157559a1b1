/** Going on with runs: which settings may change, what is refused, early stopping, the moving average, fine-tuning. */
import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeCheckpoint, encodeCheckpoint } from '../src/core/learning/training/checkpoints/checkpoint.js';
import { resultFingerprint } from '../src/core/learning/training/verify.js';
import { openBundle, readWeights } from '../src/core/model/bundle.js';
import { type RunHistory, readHistory, resumeTraining, trainModel } from '../src/index.js';
import type { ExecutionPlan } from '../src/plugins/onnx/lowerings/execution-plan.js';
import { bitsOf } from './support/engine.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { tinyDataset } from './support/tiny-dataset.js';

let root: string;
let dataset: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('resume'));
  dataset = await tinyDataset(join(root, 'dataset'));
  await train('base', { epochs: 2 });
  await train('whole', { epochs: 3 });
  await interrupted('interrupted', { epochs: 3 }, 12);
});
afterAll(() => remove());

const SETTINGS = { batchSize: 16, threads: 1, learningRate: 0.01 };
const folderOf = (run: string) => join(root, run);
const train = (run: string, settings = {}, more = {}) =>
  trainModel({
    dataset,
    run: folderOf(run),
    model: { preset: 'cnn-small' },
    train: { ...SETTINGS, ...settings },
    ...more,
  });

/** A copy of the run of two epochs, of the one of three, or of that one while it was interrupted. */
async function copyOf(original: 'base' | 'whole' | 'interrupted', run: string): Promise<string> {
  await cp(folderOf(original), folderOf(run), { recursive: true });
  return folderOf(run);
}

/** Interrupts a run after a number of steps. */
async function interrupted(run: string, settings: object, afterStep: number) {
  const controller = new AbortController();
  const reporter = {
    report(event: { type: string; event?: { kind: string; step?: number } }) {
      if (event.event?.kind === 'checkpoint' && event.event.step! >= afterStep) controller.abort();
    },
  };
  const result = await trainModel(
    { dataset, run: folderOf(run), model: { preset: 'cnn-small' }, train: { ...SETTINGS, ...settings } },
    { signal: controller.signal, reporter },
  );
  expect(result.stopped).toBe('interrupted');
}

const eventNames = ({ events }: RunHistory) => events.map(({ event }) => event);

describe('a run that began before its arithmetic was changed', () => {
  /** Plans and progress as they were written before there was a choice. */
  async function olderCopy(run: string): Promise<string> {
    const folder = join(await copyOf('interrupted', run), 'checkpoints');
    for (const name of await readdir(folder)) {
      const { state, progress, best } = decodeCheckpoint(await readFile(join(folder, name)), name);
      const { layout: _, ...plan } = state.plan as ExecutionPlan;
      const { masks: __, ...older } = progress;
      await writeFile(
        join(folder, name),
        encodeCheckpoint({ state: { ...state, plan }, progress: older, best }),
      );
    }
    return folderOf(run);
  }

  async function lastCheckpoint(run: string) {
    const folder = join(run, 'checkpoints');
    const name = (await readdir(folder)).sort().at(-1)!;
    return decodeCheckpoint(await readFile(join(folder, name)), name);
  }

  it('goes on with the plan and the masks that it began with, to the same bits each time', async () => {
    const runs = [await olderCopy('older'), await olderCopy('older-again')];
    for (const run of runs) await resumeTraining({ run });
    const [first, second] = await Promise.all(runs.map(lastCheckpoint));
    expect(first!.progress.masks).toBeUndefined();
    expect(first!.state.plan).not.toHaveProperty('layout');
    expect(bitsOf(second!.state)).toEqual(bitsOf(first!.state));
    // The masks of new runs are others.
    const whole = await lastCheckpoint(folderOf('whole'));
    expect(whole.progress.masks).toBe('cipher');
    expect(bitsOf(whole.state)).not.toEqual(bitsOf(first!.state));
    expect(eventNames(await readHistory(runs[0]!))).not.toContain('settings-changed');
  });
});

describe('settings at a resume', () => {
  it('may not make it another run: each one is named, and nothing is changed', async () => {
    const run = await copyOf('base', 'refused');
    const before = await readFile(join(run, 'run.json'), 'utf8');
    await expect(
      resumeTraining({ run, train: { seed: 1, batchSize: 32, optimizer: { type: 'sgd' }, epochs: 5 } }),
    ).rejects.toMatchObject({
      code: 'ROBLE_RESUME_REFUSED',
      details: {
        problems: [{ path: 'train.batchSize' }, { path: 'train.seed' }, { path: 'train.optimizer' }],
      },
    });
    await expect(resumeTraining({ run, train: { epochs: 1 } })).rejects.toMatchObject({
      code: 'ROBLE_RESUME_REFUSED',
    });
    await expect(resumeTraining({ run, train: { epochz: 5 } as never })).rejects.toMatchObject({
      code: 'ROBLE_CONFIG_INVALID',
    });
    expect(await readFile(join(run, 'run.json'), 'utf8')).toBe(before);
  });

  it('may make it longer, which says what becomes of the schedule', async () => {
    const run = await copyOf('base', 'longer');
    const result = await resumeTraining({ run, train: { epochs: 4, retry: { maxRetries: 7 } } });
    expect(result).toMatchObject({ stopped: 'completed', epochs: 4 });
    const history = await readHistory(run);
    expect(history.epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4]);
    const { detail } = history.events.find(({ event }) => event === 'settings-changed')!;
    // After two of four epochs a cosine is at half its height.
    expect(detail).toMatch(/epochs: 2 -> 4 .*"cosine".* is 0\.00500 instead of 0\.00/);
    expect(detail).toContain('retry');
    const saved = JSON.parse(await readFile(join(run, 'run.json'), 'utf8'));
    expect(saved.train).toMatchObject({ epochs: 4, retry: { maxRetries: 7, backoffSeconds: 1 } });
    // Nobody named a device when the run began: `auto` took one, and what made it is kept.
    expect(saved).toMatchObject({
      train: { device: 'cpu' },
      deviceReason: expect.stringMatching(/measured/),
    });
  });

  it('with a constant rate, a run made longer is the run that was so long from the start', async () => {
    const schedule = { type: 'constant', warmupEpochs: 0 } as const;
    await train('constant-2', { epochs: 2, schedule });
    await resumeTraining({ run: folderOf('constant-2'), train: { epochs: 3 } });
    await train('constant-3', { epochs: 3, schedule });
    expect(await resultFingerprint(folderOf('constant-2'))).toEqual(
      await resultFingerprint(folderOf('constant-3')),
    );
  });

  it('of a finished run need nothing: it is left as it is', async () => {
    const run = await copyOf('base', 'finished');
    const before = await readFile(join(run, 'history.json'), 'utf8');
    const result = await resumeTraining({ run });
    expect(result).toMatchObject({ stopped: 'completed', epochs: 2, bundle: join(run, 'model') });
    expect(await readFile(join(run, 'history.json'), 'utf8')).toBe(before);
  });

  it('threads may change, and the history says that the bits then differ', async () => {
    const run = await copyOf('interrupted', 'threads');
    await resumeTraining({ run, train: { threads: 2 } });
    const { events } = await readHistory(run);
    expect(events).toContainEqual(
      expect.objectContaining({ event: 'settings-changed', detail: expect.stringContaining('last bits') }),
    );
  });
});

it('a run on pictures that change in each epoch goes on with the bits of the undisturbed one, on more threads too', async () => {
  const augment = { strategy: 'medium', canvasStyle: 0.2, mixup: 0.2, limits: [] } as const;
  await train('augmented', { epochs: 3, augment });
  await interrupted('augmented-interrupted', { epochs: 3, augment }, 8);
  await resumeTraining({ run: folderOf('augmented-interrupted'), train: { numWorkers: 2 } });
  expect(await resultFingerprint(folderOf('augmented-interrupted'))).toEqual(
    await resultFingerprint(folderOf('augmented')),
  );
  expect(await resultFingerprint(folderOf('whole'))).not.toEqual(
    await resultFingerprint(folderOf('augmented')),
  );
});

describe('what cannot go on', () => {
  it('is a folder without a run, or with a damaged one', async () => {
    await expect(resumeTraining({ run: root })).rejects.toMatchObject({ code: 'ROBLE_RUN_INVALID' });
    const run = await copyOf('base', 'damaged');
    for (const text of ['{"name":', '{"name": 3}']) {
      await writeFile(join(run, 'run.json'), text);
      await expect(resumeTraining({ run })).rejects.toMatchObject({ code: 'ROBLE_RUN_INVALID' });
    }
  });

  it('is a run on other data', async () => {
    const other = await tinyDataset(join(root, 'other'), { train: 0.5, validation: 0.5 });
    const run = await copyOf('interrupted', 'other-data');
    await expect(resumeTraining({ run, dataset: other })).rejects.toMatchObject({
      code: 'ROBLE_RESUME_REFUSED',
    });
    // The same data elsewhere is the same data.
    await cp(dataset, join(root, 'moved'), { recursive: true });
    expect((await resumeTraining({ run, dataset: join(root, 'moved') })).stopped).toBe('completed');
  });

  it('a run that fails before its first checkpoint leaves no folder', async () => {
    await expect(train('typo', { frozen: ['convv1'] })).rejects.toMatchObject({
      code: 'ROBLE_CONFIG_INVALID',
    });
    expect(await readdir(root)).not.toContain('typo');
  });
});

describe('a damaged history', () => {
  it.each(['history.json', 'history.jsonl'])('%s does not keep a run from going on', async (name) => {
    const run = await copyOf('interrupted', `damaged-${name}`);
    const path = join(run, name);
    await writeFile(path, (await readFile(path)).subarray(0, 300));
    await resumeTraining({ run });
    expect(await resultFingerprint(run)).toEqual(await resultFingerprint(folderOf('whole')));
  });
});

describe('early stopping', () => {
  it('ends the run with its reason, also when an interruption came in between', async () => {
    // Nothing improves by as much, so that the patience runs out.
    const settings = { epochs: 20, earlyStopping: { patience: 3, minDelta: 0.9, minEpochs: 0 } };
    const whole = await train('early', settings);
    expect(whole).toMatchObject({ stopped: 'stopped-early', epochs: 4 });
    await interrupted('early-2', settings, 30);
    expect(await resumeTraining({ run: folderOf('early-2') })).toMatchObject({
      stopped: 'stopped-early',
      epochs: 4,
    });
    const history = await readHistory(folderOf('early-2'));
    expect(eventNames(history)).toEqual(['started', 'interrupted', 'resumed', 'stopped-early']);
    expect(history.events.at(-1)!.detail).toMatch(/valAccuracy has not improved .* for 3 epochs/);
    expect(await resultFingerprint(folderOf('early-2'))).toEqual(await resultFingerprint(folderOf('early')));
  });
});

describe('the moving average of the weights', () => {
  it('is what is evaluated and exported', async () => {
    const averaged = await train('averaged', { epochs: 2, emaDecay: 0.95 });
    // Training itself is the same.
    const [a, b] = [await readHistory(folderOf('base')), await readHistory(averaged.run)];
    expect(b.epochs.map(({ loss }) => loss)).toEqual(a.epochs.map(({ loss }) => loss));
    expect(b.epochs.map(({ valLoss }) => valLoss)).not.toEqual(a.epochs.map(({ valLoss }) => valLoss));
    const weights = await readWeights(await openBundle(averaged.bundle!));
    const own = await readWeights(await openBundle(join(folderOf('base'), 'model')));
    expect(weights['conv1.weight']!.data).not.toEqual(own['conv1.weight']!.data);
  });
});

describe('fine-tuning', () => {
  it('starts from a bundle, and leaves frozen layers as they are there', async () => {
    const from = join(folderOf('base'), 'model');
    const tuned = await train(
      'tuned',
      { epochs: 1, from, frozen: ['conv*', 'batchNorm*'] },
      { model: undefined },
    );
    const [before, after] = [
      await readWeights(await openBundle(from)),
      await readWeights(await openBundle(tuned.bundle!)),
    ];
    const changed = Object.keys(before).filter(
      (name) => !before[name]!.data.every((value, i) => value === after[name]!.data[i]),
    );
    expect(changed.length).toBeGreaterThan(0);
    expect(changed.filter((name) => /^(conv|batchNorm)/.test(name))).toEqual([]);
  });
});

describe('roble train:resume', () => {
  const roble = (...words: string[]) =>
    execa(process.execPath, [join(import.meta.dirname, '../bin/run.js'), ...words], { reject: false });

  it('takes the newest run, with settings as KEY=VALUE, and refuses what it must', async () => {
    const runs = join(root, 'runs');
    await cp(folderOf('base'), join(runs, 'run-0004'), { recursive: true });
    const refused = await roble('train:resume', '--runs', runs, '--set', 'batchSize=32', '--json');
    expect(refused.exitCode).toBe(2);
    expect(JSON.parse(refused.stdout).error.code).toBe('ROBLE_RESUME_REFUSED');
    const longer = await roble(
      'train:resume',
      '--runs',
      runs,
      '--epochs',
      '3',
      '--set',
      'retry.maxRetries=1',
    );
    expect(longer.exitCode, longer.stderr).toBe(0);
    expect(longer.stdout).toContain('Trained 3 epochs');
    const none = await roble('train:resume', '--runs', join(root, 'nowhere'));
    expect(none.exitCode).toBe(4);
  });
});
