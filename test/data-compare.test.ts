/** The comparison of data sets: fair in what it trains, right in what it counts, and never lost. */
import { once } from 'node:events';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { synthesizeDataset } from '../src/core/data/dataset/synthesize.js';
import { preprocessingSchema } from '../src/core/image/settings.js';
import { decodeCheckpoint } from '../src/core/learning/training/checkpoints/checkpoint.js';
import {
  type CompareDatasetsOptions,
  compareDatasets,
  type DatasetComparison,
  loadModel,
  openDataset,
  resumeTraining,
  trainModel,
} from '../src/index.js';
import { bitsOf } from './support/engine.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { thinnedDataset } from './support/thinned-dataset.js';
import { tinyDataset } from './support/tiny-dataset.js';

const CLI = join(import.meta.dirname, '..', 'bin', 'run.js');
const RUNS = ['thin/seed-0', 'full/seed-0', 'thin/seed-1', 'full/seed-1'];
/** An epoch of the thin data set has 9 steps, so that these are three stretches of 8. */
const BUDGET = { steps: 24, evaluations: 2, seeds: 2 };
const TRAIN = { batchSize: 16, threads: 1, learningRate: 0.01, keepCheckpoints: 9, twins: [['0', 'T']] };

let root: string;
let remove: () => Promise<void>;
let undisturbed: DatasetComparison;

const at = (...path: string[]) => join(root, ...path);
const options = (out: string, more: Partial<CompareDatasetsOptions> = {}): CompareDatasetsOptions => ({
  conditions: [
    { name: 'thin', dataset: at('thin') },
    { name: 'full', dataset: at('full') },
  ],
  out: at(out),
  ...BUDGET,
  model: { preset: 'cnn-small' },
  train: TRAIN,
  ...more,
});
const json = async (...path: string[]) => JSON.parse(await readFile(at(...path), 'utf8'));

beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('data-compare'));
  await tinyDataset(at('full'));
  await thinnedDataset(at('full'), at('thin'), { A: 4 });
  await tinyDataset(at('halves'), { train: 0.5, validation: 0.5 });
  undisturbed = await compareDatasets(options('undisturbed'));
});
afterAll(() => remove());

describe('compareDatasets', () => {
  it('makes the same steps in every run, and evaluates after the same ones', async () => {
    expect(undisturbed).toMatchObject({ steps: 24, evaluations: 3, stepsBetween: 8, seeds: [0, 1] });
    for (const run of RUNS) {
      const { epochs } = await json('undisturbed', run, 'history.json');
      expect(epochs.map(({ step }: { step: number }) => step)).toEqual([8, 16, 24]);
    }
  });

  it('starts with the same weights for the same seed', async () => {
    const first = await Promise.all(
      RUNS.map(async (run) => {
        const file = at('undisturbed', run, 'checkpoints', 'step-000000000.safetensors');
        return bitsOf(decodeCheckpoint(await readFile(file), file).state);
      }),
    );
    expect(first[1]).toEqual(first[0]);
    expect(first[3]).toEqual(first[2]);
    expect(first[2]).not.toEqual(first[0]);
  });

  it('counts what the exported models answer, on the validation split of the first data set', async () => {
    expect(undisturbed.rareClasses).toEqual(['A']);
    for (const { name, metrics, runs } of undisturbed.conditions)
      for (const [i, { run }] of runs.entries()) {
        const counted = await countAnswers(run);
        for (const [metric, value] of Object.entries(counted))
          expect([name, metric, metrics[metric as keyof typeof metrics]!.values[i]]).toEqual([
            name,
            metric,
            expect.closeTo(value, 12),
          ]);
      }
  });

  it('gives means, deviations and paired intervals of two seeds as their closed forms say', () => {
    const [thin, full] = undisturbed.conditions;
    const [a, b] = [thin!.metrics.accuracy!, full!.metrics.accuracy!];
    expect(a.mean).toBeCloseTo((a.values[0]! + a.values[1]!) / 2, 12);
    expect(a.standardDeviation).toBeCloseTo(Math.abs(a.values[0]! - a.values[1]!) / Math.SQRT2, 12);
    const differences = b.values.map((value, i) => value - a.values[i]!);
    const { meanDifference, test } = full!.differences.accuracy!;
    expect(meanDifference).toBeCloseTo((differences[0]! + differences[1]!) / 2, 12);
    // With one degree of freedom, t is a Cauchy variable, whose quantile is a tangent.
    const reach = (Math.tan(Math.PI * 0.475) * Math.abs(differences[0]! - differences[1]!)) / 2;
    expect(test!.interval[1] - meanDifference).toBeCloseTo(reach, 6);
    expect(thin!.differences).toEqual({});
  });

  it('leaves finished runs alone, and trains only the seeds that are new', async () => {
    const files = RUNS.map((run) => at('undisturbed', run, 'history.jsonl'));
    const times = async () => Promise.all(files.map(async (file) => (await stat(file)).mtimeMs));
    const before = await times();
    expect(await compareDatasets(options('undisturbed'))).toEqual(undisturbed);
    const more = await compareDatasets(options('undisturbed', { seeds: 3 }));
    expect(await times()).toEqual(before);
    expect(more.conditions[0]!.metrics.accuracy!.values).toEqual([
      ...undisturbed.conditions[0]!.metrics.accuracy!.values,
      expect.any(Number),
    ]);
  });

  describe('of two recipes on one data set, judged by another', () => {
    const warnings: string[] = [];
    let result: DatasetComparison;
    beforeAll(async () => {
      const conditions = [
        { name: 'hard', dataset: at('full') },
        { name: 'soft', dataset: at('full'), settings: { train: { labelSmoothing: 0.3 } } },
      ];
      const few = { conditions, validation: at('halves'), steps: 4, seeds: 1 };
      result = await compareDatasets(options('recipes', few), {
        reporter: {
          report: (event) => void (event.type === 'warning' && warnings.push(event.message)),
        },
      });
    });

    it('trains each with its own settings', async () => {
      const smoothing = async (name: string) =>
        (await json('recipes', name, 'seed-0', 'run.json')).train.labelSmoothing;
      expect([await smoothing('hard'), await smoothing('soft')]).toEqual([0, 0.3]);
    });

    it('tells no difference from a single seed', () => {
      const [, soft] = result.conditions;
      expect(soft!.metrics.accuracy!.standardDeviation).toBeNull();
      expect(soft!.differences.accuracy!.test).toBeUndefined();
      expect(soft!.differences.accuracy!.verdict).toMatch(/^No evidence/);
    });

    it('warns of validation pictures that are trained on', async () => {
      const shared = await sharedPictures(at('full'), at('halves'));
      expect(shared).toBeGreaterThan(10);
      const { count } = await json('recipes', 'soft/seed-0', 'evaluation.json');
      expect(count).toBe((await openDataset(at('halves'))).manifest.splits.validation!.count);
      expect(result.validation).toMatchObject({ dataset: at('halves'), count });
      expect(result.conditions.map(({ knownPictures }) => knownPictures)).toEqual([shared, shared]);
      expect(warnings).toContainEqual(expect.stringContaining(`"soft" trains on ${shared} pictures`));
    });
  });
});

it('a run goes on with the validation data that it began with, and with no other', async () => {
  const run = at('judged');
  const train = { ...TRAIN, epochs: 1 };
  const model = { preset: 'cnn-small' };
  await trainModel({ dataset: at('thin'), validation: at('halves'), run, model, train });
  const { count } = await json('judged', 'evaluation.json');
  expect(count).toBe((await openDataset(at('halves'))).manifest.splits.validation!.count);
  await expect(resumeTraining({ run, validation: at('full'), train: { epochs: 2 } })).rejects.toMatchObject({
    code: 'ROBLE_RESUME_REFUSED',
    message: expect.stringContaining(at('full')),
  });
  expect((await resumeTraining({ run, train: { epochs: 2 } })).epochs).toBe(2);
});

describe('what is refused, before anything is trained', () => {
  const refused = (more: Partial<CompareDatasetsOptions>, out = 'refused') =>
    compareDatasets(options(out, more)).then(
      () => undefined,
      ({ code, details }) => ({ code, problems: details.problems ?? [] }),
    );

  it('data sets of other classes or pictures', async () => {
    const preprocessing = preprocessingSchema.parse({ width: 14, height: 12 });
    await synthesizeDataset({
      characters: ['0', '1', 'A', 'B'],
      perClass: 8,
      out: at('other'),
      preprocessing,
    });
    const conditions = [
      { name: 'full', dataset: at('full') },
      { name: 'other', dataset: at('other') },
    ];
    const messages = [
      'lacks the classes "T"',
      'has the further classes "B"',
      'has pictures with width 14, not 12',
    ];
    expect(await refused({ conditions })).toEqual({
      code: 'ROBLE_DATASETS_DIFFER',
      problems: messages.map((message) => ({ path: at('other'), message })),
    });
  });

  it('copies in the validation split', async () => {
    await thinnedDataset(at('full'), at('copied'), {});
    const file = at('copied', 'validation-00000.samples.jsonl');
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
    const copy = { of: 'a'.repeat(64), number: 1, operations: [] };
    lines[3] = JSON.stringify({ ...JSON.parse(lines[3]!), copy });
    await writeFile(file, `${lines.join('\n')}\n`);
    expect(await refused({ validation: at('copied') })).toMatchObject({ code: 'ROBLE_DATASET_LEAK' });
  });

  it('a folder with the runs of another recipe, naming what differs', async () => {
    const other = await refused({ train: { ...TRAIN, learningRate: 0.02 } }, 'undisturbed');
    expect(other).toMatchObject({ code: 'ROBLE_RUN_EXISTS' });
    expect(other!.problems).toContainEqual({
      path: `${at('undisturbed/full/seed-1')}: train.learningRate`,
      message: 'was 0.01, is 0.02 now',
    });
    const swapped = options('').conditions.map(({ name }, i) => ({
      name,
      dataset: at(['full', 'thin'][i]!),
    }));
    const problems = (await refused({ conditions: swapped, validation: at('thin') }, 'undisturbed'))!
      .problems;
    expect(problems.map(({ path }: { path: string }) => path.split(': ')[1])).toContain('dataFingerprint');
  });

  it('names, settings and bounds that cannot be', async () => {
    const named = (...names: string[]) => names.map((name) => ({ name, dataset: at('full') }));
    for (const names of [['one'], ['a', 'A'], ['a', '../b'], ['a', 'b.c']])
      expect(await refused({ conditions: named(...names) })).toMatchObject({ code: 'ROBLE_USAGE' });
    const settings = { model: { preset: 'cnn-v2' }, train: { seed: 4, labelSmothing: 0.1 } };
    const conditions = [...named('a'), { name: 'b', dataset: at('full'), settings }];
    const { problems } = (await refused({ conditions }))!;
    expect(problems.map(({ path }: { path: string }) => path)).toEqual([
      'b.model',
      'b.train.seed',
      'train.labelSmothing',
    ]);
    for (const metric of ['ful.accuracy', 'full.acuracy'])
      expect(await refused({ bounds: [{ metric, failsWhen: 'under', limit: 0 }] })).toMatchObject({
        code: 'ROBLE_USAGE',
      });
  });
});

describe('roble data:compare', () => {
  const command = (out: string, ...words: string[]) =>
    execa(
      process.execPath,
      [
        ...[
          CLI,
          'data:compare',
          `thin=${at('thin')}`,
          `full=${at('full')}`,
          '--out',
          at(out),
          '--preset',
          'cnn-small',
        ],
        ...['--steps', '24', '--evaluations', '2', '--seeds', '2', ...words],
      ],
      {
        cwd: at('project'),
        env: { PATH: process.env.PATH, HOME: root, NODE_ENV: 'production' },
        extendEnv: false,
        reject: false,
      },
    );
  beforeAll(async () => {
    await mkdir(at('project'));
    await writeFile(at('project', 'roble.config.yaml'), JSON.stringify({ train: TRAIN }));
  });

  /** Starts the command, and sends it a signal when it says something. */
  async function interruptedAt(words: string, signal: NodeJS.Signals) {
    const running = command('killed', '--json', '--reporter', 'ndjson');
    let heard = '';
    while (!heard.includes(words)) heard += String((await once(running.stderr!, 'data'))[0]);
    running.kill(signal);
    return running;
  }

  it('goes on after Ctrl-C and after a kill, and ends with the report of a run that was left alone', async () => {
    const stopped = await interruptedAt('full, seed 0', 'SIGINT');
    expect([stopped.exitCode, JSON.parse(String(stopped.stdout)).error.code]).toEqual([
      130,
      'ROBLE_INTERRUPTED',
    ]);
    expect((await interruptedAt('"done":', 'SIGKILL')).signal).toBe('SIGKILL');
    const finished = await compareDatasets(options('killed'));
    expect(withoutTimes(finished, 'killed')).toEqual(withoutTimes(undisturbed, 'undisturbed'));
  });

  it('prints a table, and ends with 4 when a bound is missed', async () => {
    const { stdout, exitCode } = await command(
      'killed',
      ...['--fail-under', 'full.accuracy=0', '--fail-under', 'thin.rareRecall=1.1'],
    );
    expect(exitCode).toBe(4);
    const text = String(stdout);
    expect(text).toMatch(/^thin +\d+ +[\d.]+ % ± [\d.]+ /m);
    expect(text).toContain('full against thin');
    expect(text).toContain('met: full: accuracy is');
    expect(text).toContain('missed: thin: rareRecall is');
  });

  it('refuses settings of no condition', async () => {
    const unknown = await command('wrong', '--set', 'fulll.train.labelSmoothing=0.1');
    expect(unknown.exitCode).toBe(2);
    expect(String(unknown.stderr)).toContain('Did you mean "full"?');
  });
});

/** The bytes of a report, without what a clock said and without the name of its folder. */
function withoutTimes(result: DatasetComparison, out: string): string {
  const withoutTime = (key: string, value: unknown) => (key === 'trainSeconds' ? undefined : value);
  return JSON.stringify(result, withoutTime).replaceAll(at(out), 'OUT');
}

/** The metrics of a run, from the answers of its exported model alone. */
async function countAnswers(run: string): Promise<Record<string, number>> {
  const { manifest, load } = await openDataset(at('thin'));
  const { images, labels, count } = await load('validation');
  const size = images.length / count;
  const model = await loadModel(join(run, 'model'));
  const pictures = Array.from({ length: count }, (_, i) => images.slice(i * size, (i + 1) * size));
  const answers = (await model.predictPixels(pictures, 1)).map(([best]) => best!.label);
  await model.close();
  const truths = [...labels].map((label) => manifest.classes[label]!);
  const share = (isRight: (truth: string, answer: string) => boolean, of = manifest.classes) => {
    const asked = truths.flatMap((truth, i) => (of.includes(truth) ? [isRight(truth, answers[i]!)] : []));
    return asked.filter(Boolean).length / asked.length;
  };
  const isSame = (truth: string, answer: string) => truth === answer;
  const recalls = manifest.classes.map((label) => share(isSame, [label]));
  const fold = (label: string) => (label === 'T' ? '0' : label);
  return {
    accuracy: share(isSame),
    balancedAccuracy: recalls.reduce((sum, recall) => sum + recall) / recalls.length,
    foldedAccuracy: share((truth, answer) => fold(truth) === fold(answer)),
    rareRecall: share(isSame, ['A']),
  };
}

/** Pictures in `train` of one data set that are in `validation` of another, found by comparing all with all. */
async function sharedPictures(training: string, judging: string): Promise<number> {
  const pictures = async (folder: string, split: 'train' | 'validation') => {
    const { images, count } = await (await openDataset(folder)).load(split);
    const size = images.length / count;
    return Array.from({ length: count }, (_, i) => Buffer.from(images.slice(i * size, (i + 1) * size)));
  };
  const judges = await pictures(judging, 'validation');
  return (await pictures(training, 'train')).filter((one) => judges.some((other) => one.equals(other)))
    .length;
}
