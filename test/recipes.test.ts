/** The commands that look for good settings, as users run them, and their library on a scripted engine. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRegistry, describeDataset, findBatchSize, findLearningRate } from '../src/index.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { tinyBundle } from './support/tiny-bundle.js';
import { tinyDataset } from './support/tiny-dataset.js';

let root: string;
let cwd: string;
let dataset: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('recipes'));
  cwd = join(root, 'project');
  await mkdir(cwd);
  dataset = await tinyDataset(join(root, 'dataset'));
});
afterAll(() => remove());

const CLI = join(import.meta.dirname, '..', 'bin', 'run.js');

async function roble(...args: string[]) {
  const result = await execa(process.execPath, [CLI, ...args, '--dataset', dataset, '--threads', '1'], {
    cwd,
    env: { PATH: process.env.PATH, HOME: root, NODE_ENV: 'production' },
    extendEnv: false,
    reject: false,
  });
  return { ...result, answer: () => JSON.parse(result.stdout) };
}

const engine = new URL('./support/scripted-engine.js', import.meta.url).href;
const { LARGEST_RATE, MEMORY, STEEPEST_RATE } = await import(engine);

/** A registry with the scripted engine in it. */
function scripted() {
  const registry = createRegistry();
  registry.register({ name: 'scripted', apiVersion: 1, kind: 'training-engine', module: engine });
  return registry;
}
const options = () => ({
  dataset,
  model: { preset: 'cnn-small' },
  train: { engine: 'scripted', batchSize: 16 },
});

describe('roble train find-lr', () => {
  it('draws the curve and suggests a rate, and writes nothing', async () => {
    const { stdout, exitCode } = await roble('train', 'find-lr', '--preset', 'cnn-small', '--steps', '60');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/loss.*smoothed/);
    expect(stdout).toMatch(/^Suggested learning rate: [\d.]+$/m);
    for (const line of stdout.split('\n').slice(0, 18)) expect(line.length).toBeLessThanOrEqual(80);
    expect(await readdir(cwd)).toEqual([]);
  });

  it('gives the points with --json, the same ones for the same seed', async () => {
    const words = ['--preset', 'cnn-small', '--steps', '20', '--seed', '1', '--json'];
    const { result } = (await roble('train:find-lr', ...words)).answer();
    const run = (seed: number) =>
      findLearningRate({
        dataset,
        model: { preset: 'cnn-small' },
        train: { threads: 1, seed },
        steps: 20,
      });
    expect(await run(1)).toEqual(result);
    expect(result.points[0].learningRate).toBeCloseTo(1e-6, 12);
    expect(result.points[0]).toEqual({
      learningRate: expect.any(Number),
      loss: expect.any(Number),
      smoothedLoss: expect.any(Number),
    });
    expect((await run(2)).points[0]!.loss).not.toBe(result.points[0].loss);
  });

  it('refuses what is no number', async () => {
    const { answer, exitCode } = await roble('train:find-lr', '--from-rate', 'fast', '--json');
    expect(answer()).toMatchObject({ ok: false, error: { code: 'ROBLE_USAGE' } });
    expect(exitCode).toBe(2);
  });

  it('takes the architecture of the bundle that it starts from, unless there is another choice', async () => {
    const bundle = await tinyBundle(join(root, 'bundle'));
    const { answer } = await roble('train:find-lr', '--from', bundle, '--json');
    // The bundle's one layer sees 8x8 pixels, the data set has 12x12: were it another architecture, the list would be longer.
    expect(answer().error).toMatchObject({
      code: 'ROBLE_MODEL_INVALID',
      expected: 'some of dense1.weight [144, 4]',
    });
    const other = findLearningRate({ dataset, model: { preset: 'cnn-small' }, train: { from: bundle } });
    await expect(other).rejects.toMatchObject({
      details: { expected: expect.stringContaining('conv1.weight') },
    });
  });
});

describe('the recipe for characters', () => {
  const CLASSES = 94;
  /** IDX: a magic number, sizes, values. */
  const idx = (magic: number, sizes: readonly number[], values: Uint8Array) => {
    const header = Buffer.alloc(4 + 4 * sizes.length);
    for (const [i, number] of [magic, ...sizes].entries()) header.writeUInt32BE(number, 4 * i);
    return gzipSync(Buffer.concat([header, values]));
  };

  it('runs as it is written', async () => {
    const folder = join(root, 'characters');
    await mkdir(folder);
    const lines = Array.from({ length: 3 * CLASSES }, (_, i) => {
      const label = String.fromCharCode(0x21 + (i % CLASSES));
      return `${JSON.stringify({
        label,
        strokes: [
          [
            [0, 0],
            [i % 31, 90],
            [(7 * i) % 90, i % 53],
          ],
        ],
      })}\n`;
    });
    await writeFile(join(folder, 'strokes.jsonl.gz'), gzipSync(lines.join('')));
    const pixels = Uint8Array.from(
      { length: CLASSES * 28 * 28 },
      (_, i) => (Math.imul(i, 40_503) >>> 8) & 255,
    );
    const labels = Uint8Array.from({ length: CLASSES }, (_, i) => i);
    await writeFile(join(folder, 'val-images-idx3-ubyte.gz'), idx(0x803, [CLASSES, 28, 28], pixels));
    await writeFile(join(folder, 'val-labels-idx1-ubyte.gz'), idx(0x801, [CLASSES], labels));

    const page = await readFile(join(import.meta.dirname, '../docs/recipes.md'), 'utf8');
    const [, block = ''] = /## A recipe for characters\n.*?```sh\n(.*?)```/s.exec(page) ?? [];
    const commands = block.trimEnd().split('\n');
    expect(commands).toHaveLength(3);
    for (const command of commands) {
      const words = command
        .replace(/ +#.*$/, '')
        .split(' ')
        .slice(1);
      const { exitCode, stderr } = await execa(process.execPath, [CLI, ...words], {
        cwd: folder,
        // Only the training is made shorter.
        env: {
          PATH: process.env.PATH,
          HOME: root,
          ROBLE_TRAIN_EPOCHS: '1',
          ROBLE_TRAIN_MAX_STEPS_PER_EPOCH: '1',
          ROBLE_TRAIN_BATCH_SIZE: '8',
        },
        extendEnv: false,
        reject: false,
      });
      expect([exitCode, exitCode === 0 ? '' : stderr]).toEqual([0, '']);
    }
    const { classes, count } = await describeDataset(join(folder, 'data/capped'));
    expect([classes.length, count]).toEqual([CLASSES, 4 * CLASSES]);
  });
});

describe('findLearningRate', () => {
  it('finds the steepest fall, ends at the first step that is not applied, and tells how far it is', async () => {
    const done: number[] = [];
    const reporter = {
      report: (event: { type: string; done?: number }) => {
        if (event.type === 'progress') done.push(event.done!);
      },
    };
    const { ended, points, suggestion } = await findLearningRate(options(), {
      registry: scripted(),
      reporter,
    });
    expect(ended).toBe('not-finite');
    expect(points.at(-1)!.learningRate).toBeLessThanOrEqual(LARGEST_RATE);
    expect(points.length).toBeGreaterThan(90);
    expect(Math.abs(Math.log10(suggestion!.steepest / STEEPEST_RATE))).toBeLessThan(0.3);
    expect(done).toEqual(points.map((_, i) => i + 1));
  });

  it.each([
    [{ fromRate: 1, toRate: 0.1 }, 'ROBLE_USAGE'],
    [{ steps: 3 }, 'ROBLE_USAGE'],
    [{ model: { preset: 'cnn-smal' } }, 'ROBLE_MODEL_INVALID'],
  ])('refuses %j', async (wrong, code) => {
    const test = findLearningRate({ ...options(), ...wrong } as never, { registry: scripted() });
    await expect(test).rejects.toMatchObject({ code });
  });

  it('takes a batch in parts where the run would', async () => {
    const train = { engine: 'scripted', batchSize: 128 };
    const registry = scripted();
    await expect(findLearningRate({ ...options(), train }, { registry })).rejects.toMatchObject({
      code: 'ROBLE_OUT_OF_MEMORY',
    });
    const parts = { ...options(), train: { ...train, microbatchSize: 16 }, steps: 10 };
    expect((await findLearningRate(parts, { registry })).points).toHaveLength(9);
  });

  it('ends at once when it is aborted', async () => {
    const controller = new AbortController();
    const reporter = { report: () => controller.abort(new Error('enough')) };
    await expect(
      findLearningRate(options(), { registry: scripted(), reporter, signal: controller.signal }),
    ).rejects.toThrow('enough');
  });
});

describe('roble train batch-size', () => {
  it('measures sizes up to the limit and suggests one of them', async () => {
    const measured = await roble('train', 'batch-size', '--preset', 'cnn-small', '--max', '100', '--json');
    const { points, ended, suggestion } = measured.answer().result;
    expect(points.map((point: { batchSize: number }) => point.batchSize)).toEqual([16, 32, 64]);
    expect(ended).toBe('largest-size');
    for (const { batchSize, stepMs, imagesPerSecond } of points)
      expect(imagesPerSecond).toBeCloseTo((batchSize / stepMs) * 1000, 6);
    expect([16, 32, 64]).toContain(suggestion.batchSize);
    const { stdout } = await roble('train:batch-size', '--preset', 'cnn-small', '--max', '16');
    expect(stdout).toContain('Suggested batch size: 16');
    expect(stdout).toContain('Multiply the learning rate by 0.50');
  });
});

describe('findBatchSize', () => {
  it('ends where the memory does, with what it has', async () => {
    const { points, ended } = await findBatchSize(options(), { registry: scripted() });
    expect(points.map(({ batchSize }) => batchSize)).toEqual([16, 32, 64]);
    expect(points.at(-1)!.batchSize * 2).toBeGreaterThan(MEMORY);
    expect(ended).toBe('out-of-memory');
  });

  it('ends where a step takes too long', async () => {
    const { points, ended } = await findBatchSize(
      { ...options(), maxStepSeconds: 0.1 },
      { registry: scripted() },
    );
    expect(ended).toBe('too-slow');
    expect(points.map(({ stepMs }) => stepMs > 100)).toEqual(points.map((_, i) => i === points.length - 1));
  });

  it('tries no more samples than there are, and no fewer than one size', async () => {
    const small = await tinyDataset(join(root, 'small'), { train: 0.25, validation: 0.75 });
    const { points } = await findBatchSize({ ...options(), dataset: small }, { registry: scripted() });
    const count = (await describeDataset(small)).splits.train!;
    expect(points.at(-1)!.batchSize).toBeLessThanOrEqual(count);
    expect(points.at(-1)!.batchSize * 2).toBeGreaterThan(Math.min(count, MEMORY));
    const one = await findBatchSize({ ...options(), max: 5 }, { registry: scripted() });
    expect(one.points.map(({ batchSize }) => batchSize)).toEqual([5]);
  });
});
