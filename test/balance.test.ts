/** Balanced data sets: the same bytes from any number of workers, shards, kills and resumes, and nothing leaks. */
import { appendFile, cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../src/core/base/storage/durable.js';
import { exists } from '../src/core/base/storage/files.js';
import { type BalanceOptions, balanceDataset } from '../src/core/data/balance/balance.js';
import { type PreparedSample, writeDataset } from '../src/core/data/dataset/write.js';
import { preprocessingSchema } from '../src/core/image/settings.js';
import { drawingToPixels } from '../src/core/image/strokes/frame.js';
import {
  createRegistry,
  balanceDataset as libraryBalance,
  mergeShards,
  previewBalance,
  replaySamples,
  type SplitName,
} from '../src/index.js';
import { samplesIn } from './support/samples.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { tinyDataset } from './support/tiny-dataset.js';

const CLI = join(import.meta.dirname, '..', 'bin', 'run.js');

let root: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('balance'));
  await tinyDataset(join(root, 'drawn'));
});
afterAll(() => remove());

const at = (name: string) => join(root, name);
const AUGMENT = { strategy: 'medium', canvasStyle: 0.3, mixup: 0.3 } as const;
/** With 600 samples of train in 10 parts, one of them not full. */
const MANY_PARTS = { target: 150, seed: 5, augment: AUGMENT };
/** The same of 16,000 samples in parts as large as those of a command: 4 of train. */
const LARGE = { ...MANY_PARTS, target: 4000 };
const balance = (
  out: string,
  options: Omit<BalanceOptions, 'out'> = {},
  context: Partial<Parameters<typeof balanceDataset>[1]> = {},
) =>
  balanceDataset(
    { sources: [{ dataset: at('drawn') }], workers: 1, ...MANY_PARTS, ...options, out: at(out) },
    { registry: createRegistry(), mostSamples: 64, ...context },
  );
/** As a command makes it: with parts of the usual size. */
const balanceAsCommand = (out: string, options: Omit<BalanceOptions, 'out'> = {}) =>
  balance(out, { ...LARGE, ...options }, { mostSamples: undefined });

/** Of every file of a folder, its hash. */
async function filesOf(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(at(folder))).sort();
  const hashes = names.map(async (name) => [name, sha256(await readFile(join(at(folder), name)))]);
  return Object.fromEntries(await Promise.all(hashes));
}
/** Without the name, which is that of the folder. */
async function contentOf(folder: string) {
  const { 'dataset.json': _, ...files } = await filesOf(folder);
  const { name: __, ...manifest } = JSON.parse(await readFile(join(at(folder), 'dataset.json'), 'utf8'));
  return { files, manifest };
}
const samplesOf = (folder: string, split?: SplitName) => samplesIn(at(folder), split);

const roble = (words: string[], env: Record<string, string> = {}) =>
  execa(process.execPath, [CLI, ...words], {
    cwd: root,
    env: { PATH: process.env.PATH!, HOME: root, NODE_ENV: 'production', ...env },
    extendEnv: false,
    reject: false,
  });
const balanceWords = (out: string, ...more: string[]) => [
  ...['data:balance', 'drawn', '--out', out, '--target', `${LARGE.target}`, '--seed', '5'],
  ...['--strategy', 'medium', '--canvas-style', '0.3', '--mixup', '0.3', '--json', ...more],
];

/** Waits for something that a running command does. */
async function until(running: ReturnType<typeof roble>, isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) {
    if (running.exitCode !== null) throw new Error(`The command ended: ${(await running).stderr}`);
    await sleep(5);
  }
}
const lines = async (file: string) => (await readFile(file, 'utf8')).split('\n').length - 1;

describe('the bytes', () => {
  beforeAll(async () => {
    await balance('one');
  });

  it.each([2, 5])('are those of one worker from %d workers', async (workers) => {
    await balance(`workers-${workers}`, { workers });
    expect(await contentOf(`workers-${workers}`)).toEqual(await contentOf('one'));
  });

  it('are the same as three shards of three machines, joined in any order', async () => {
    for (const index of [2, 0, 1]) await balance('shards', { shard: { index, count: 3 } });
    expect(await readdir(at('shards'))).toEqual(['shard-0-of-3', 'shard-1-of-3', 'shard-2-of-3']);
    const merged = await roble(['data:merge', 'shards', '--out', 'merged', '--json']);
    expect(merged.exitCode).toBe(0);
    expect(await contentOf('merged')).toEqual(await contentOf('one'));
  });

  it('are the same when the kill tore the journal and damaged a part', async () => {
    const stop = new AbortController();
    const reporter = {
      report: (event: { type: string; done?: number }) =>
        event.type === 'progress' && event.done! > 150 ? stop.abort() : undefined,
    };
    await expect(balance('torn', {}, { signal: stop.signal, reporter })).rejects.toMatchObject({
      code: 'ROBLE_INTERRUPTED',
    });
    await appendFile(at('torn.work/journal.jsonl'), '{"split":"train","ind');
    await writeFile(at('torn.work/data/train-00001.images'), 'damaged');
    const result = await balance('torn');
    // Of three parts, the one that was damaged is made again.
    expect(result.resumed).toBe(128);
    expect(await contentOf('torn')).toEqual(await contentOf('one'));
  });

  it('of a class do not change when another class comes in', async () => {
    const kept = async (folder: string) =>
      (await samplesOf(folder))
        .filter(({ label }) => label === '1' || label === 'T')
        .map(({ sha256, label, copy }) => `${label} ${sha256} ${copy?.number}`);
    await twoClasses('two');
    await balance('of-two', { sources: [{ dataset: at('two') }] });
    expect(await kept('of-two')).toEqual(await kept('one'));
  });
});

/** The samples of two of the four classes, with their splits. */
async function twoClasses(out: string): Promise<void> {
  const samples = [...(await samplesOf('drawn')), ...(await samplesOf('drawn', 'validation'))];
  const train = (await samplesOf('drawn')).length;
  async function* all(): AsyncGenerator<PreparedSample> {
    for (const [i, { label, source, pixels, strokes }] of samples.entries())
      if (label === '1' || label === 'T')
        yield {
          label,
          source,
          pixels,
          ...(strokes && { strokes }),
          split: i < train ? 'train' : 'validation',
        };
  }
  await write(out, all());
}

const preprocessing = preprocessingSchema.parse({ width: 12, height: 12 });
const write = (out: string, samples: AsyncIterable<PreparedSample>) =>
  writeDataset({ out: at(out), name: out, preprocessing, split: { seed: 0 }, recipe: () => ({}) }, samples);

describe('a second time', () => {
  it('the same command finds its work done, and another recipe does not touch it', async () => {
    await balance('again', { target: 100 });
    const before = await filesOf('again');
    expect(await balance('again', { target: 100 })).toMatchObject({ written: 0, resumed: 0 });
    await expect(balance('again', { target: 101 })).rejects.toMatchObject({ code: 'ROBLE_OUTPUT_EXISTS' });
    expect(await filesOf('again')).toEqual(before);
  });

  it('the unfinished work of another recipe is kept unless it is thrown away', async () => {
    await mkdir(at('begun.work'));
    const controller = new AbortController();
    // When it has planned: before, there is no work yet.
    const report = (event: { readonly type: string; readonly status?: string }) => {
      if (event.type === 'step' && event.status === 'done') controller.abort();
    };
    await expect(
      balance('begun', {}, { signal: controller.signal, reporter: { report } }),
    ).rejects.toMatchObject({ code: 'ROBLE_INTERRUPTED' });
    await expect(balance('begun', { seed: 6 })).rejects.toMatchObject({
      code: 'ROBLE_RESUME_REFUSED',
      details: { received: 'other settings or data: seed' },
    });
    expect(await balance('begun', { seed: 6, target: 70, restart: true })).toMatchObject({ resumed: 0 });
  });
});

describe('a command that works', () => {
  beforeAll(async () => {
    await balanceAsCommand('undisturbed');
  });

  it('lets no other into its work, ends with 130 at Ctrl-C, and can be gone on with', async () => {
    const running = roble(balanceWords('stopped', '--workers', '1'));
    await until(running, () => exists(at('stopped.work/plan.json')));
    await expect(balanceAsCommand('stopped')).rejects.toMatchObject({ code: 'ROBLE_FOLDER_LOCKED' });
    await until(running, () => exists(at('stopped.work/journal.jsonl')));
    running.kill('SIGINT');
    const stopped = await running;
    expect(stopped.exitCode).toBe(130);
    expect(JSON.parse(String(stopped.stdout)).error.nextSteps).toEqual([
      'The same command goes on from here.',
    ]);
    await balanceAsCommand('stopped');
    expect(await contentOf('stopped')).toEqual(await contentOf('undisturbed'));
  });

  it('may be killed: the same command makes the same bytes, and not again what was made before', async () => {
    const running = roble(balanceWords('killed', '--workers', '1'));
    const journal = at('killed.work/journal.jsonl');
    await until(running, async () => (await exists(journal)) && (await lines(journal)) >= 1);
    running.kill('SIGKILL');
    await running;
    expect(await exists(at('killed'))).toBe(false);
    const resumed = await roble(balanceWords('killed'));
    const { result } = JSON.parse(String(resumed.stdout));
    expect(result.resumed).toBeGreaterThan(0);
    expect(result.resumed + result.written).toBe(16_048);
    expect(await contentOf('killed')).toEqual(await contentOf('undisturbed'));
    expect((await readdir(root)).filter((name) => name.startsWith('killed'))).toEqual(['killed']);
  });
});

describe('the lineage', () => {
  it('makes every copy again, from the data set alone', async () => {
    await balance('replayed', { target: 120 });
    const samples = await samplesOf('replayed');
    const { samples: replayed } = await replaySamples({
      folder: at('replayed'),
      samples: samples.map((_, i) => i),
    });
    const names = new Set<string>();
    for (const [i, { copy, original, provenance }] of replayed.entries()) {
      expect(sha256(samples[i]!.pixels)).toBe(provenance.sha256);
      expect(copy ?? original).toEqual(samples[i]!.pixels);
      for (const { name } of provenance.copy?.operations ?? []) names.add(name);
    }
    expect(replayed.filter(({ copy }) => copy)).toHaveLength(4 * (120 - 48));
    expect([...names].sort()).toEqual([
      'affine',
      'blur',
      'canvas-style',
      'contrast',
      'elastic',
      'mixup',
      'noise',
      'stroke-distortion',
      'stroke-width',
    ]);
  });

  it('keeps the strokes of originals, which draw them, and gives none to copies', async () => {
    for (const split of ['train', 'validation'] as const)
      for (const { copy, pixels, strokes } of await samplesOf('replayed', split)) {
        expect(strokes === undefined).toBe(copy !== undefined);
        if (strokes) expect(drawingToPixels(strokes, preprocessing)).toEqual(Uint8Array.from(pixels));
      }
  });

  it('says that a copy is not what it was made as', async () => {
    const folder = at('changed');
    await cp(at('replayed'), folder, { recursive: true });
    const manifest = JSON.parse(await readFile(join(folder, 'dataset.json'), 'utf8'));
    manifest.recipe.augment.strategy = 'light';
    await writeFile(join(folder, 'dataset.json'), JSON.stringify(manifest));
    await expect(replaySamples({ folder, samples: [100] })).rejects.toMatchObject({
      code: 'ROBLE_REPLAY_DIFFERS',
    });
    await expect(replaySamples({ folder, samples: [480] })).rejects.toMatchObject({ code: 'ROBLE_USAGE' });
    await expect(replaySamples({ folder: at('drawn'), samples: [0] })).rejects.toMatchObject({
      code: 'ROBLE_DATASET_INVALID',
    });
  });

  it('is shown by data:replay, with a picture', async () => {
    const shown = await roble(['data:replay', 'replayed', '0', '100', '--out', 'replayed.png']);
    expect(shown.exitCode).toBe(0);
    expect(String(shown.stdout)).toMatch(/^0 \(0\): the original .*\n100 \(0\): copy 2 of [\s\S]*the same\n/);
    expect(await exists(at('replayed.png'))).toBe(true);
  });
});

describe('nothing leaks', () => {
  const picture = (value: number) => new Uint8Array(144).fill(value);
  async function* samples(): AsyncGenerator<PreparedSample> {
    for (let i = 0; i < 20; i++)
      yield { label: i % 2 ? 'a' : 'b', source: `${i}`, pixels: picture(i), split: 'train' };
    // Of validation, the first two are in train too; of train, one comes twice.
    for (let i = 0; i < 6; i++)
      yield {
        label: i % 2 ? 'a' : 'b',
        source: `v${i}`,
        pixels: picture(i < 2 ? i : 90 + i),
        split: 'validation',
      };
    yield { label: 'a', source: 'again', pixels: picture(7), split: 'train' };
  }
  beforeAll(async () => {
    await write('leaky', samples());
  });

  it('what is tested on is not trained on, neither itself nor copies of it', async () => {
    const result = await balance('tight', { sources: [{ dataset: at('leaky') }], target: 30 });
    expect(result.leftOut).toEqual({ copies: 0, leaks: 2, groups: 0, duplicates: 1 });
    const tested = new Set((await samplesOf('tight', 'validation')).map(({ pixels }) => sha256(pixels)));
    const trained = await samplesOf('tight');
    expect(trained).toHaveLength(60);
    for (const { sha256, copy } of trained) expect(tested).not.toContain(copy ? copy.of : sha256);
    expect((await samplesOf('tight', 'validation')).map(({ source }) => source)).toEqual(
      Array.from({ length: 6 }, (_, i) => `v${i}`),
    );
  });

  it('the other pictures of a group that shares one with what is tested on are not trained on', async () => {
    const random = (seed: number) =>
      Uint8Array.from({ length: 144 }, (_, i) => Math.imul(seed * 1000 + i, 2654435761) >>> 24);
    async function* patients(): AsyncGenerator<PreparedSample> {
      for (let i = 0; i < 24; i++)
        yield {
          ...{ label: i % 2 ? 'a' : 'b', source: `${i}`, group: `patient ${i >> 2}` },
          ...{ pixels: random(i), split: 'train' as const },
        };
      // The third patient again, by another name, and somebody else.
      for (const i of [8, 31])
        yield {
          ...{ label: i % 2 ? 'a' : 'b', source: `v${i}`, group: `case ${i}` },
          ...{ pixels: random(i), split: 'validation' as const },
        };
    }
    await write('patients', patients());
    const result = await balance('no-patient', { sources: [{ dataset: at('patients') }], target: 10 });
    expect(result.leftOut).toEqual({ copies: 0, leaks: 1, groups: 3, duplicates: 0 });
    expect(new Set((await samplesOf('no-patient')).map(({ group }) => group))).not.toContain('patient 2');
  });

  it('balancing a balanced set of strokes makes of its originals the same copies again', async () => {
    await balance('once', { target: 70 });
    await balance('again-once', { sources: [{ dataset: at('once') }], target: 70 });
    const operations = async (folder: string) =>
      (await samplesOf(folder)).map(({ sha256, copy }) => [sha256, copy]);
    expect(await operations('again-once')).toEqual(await operations('once'));
  });

  it('balancing a balanced set uses its originals only', async () => {
    await balance('twice', { sources: [{ dataset: at('tight') }], target: 40 });
    const direct = await balance('direct', { sources: [{ dataset: at('leaky') }], target: 40 });
    expect(direct.splits.train).toBe(80);
    const hashes = async (folder: string) => (await samplesOf(folder)).map(({ sha256 }) => sha256);
    expect(await hashes('twice')).toEqual(await hashes('direct'));
    // Without strokes in the source there is no file for them.
    expect((await readdir(at('twice'))).filter((name) => name.endsWith('.strokes'))).toEqual([]);
  });

  it('copies in what a source tests on are an error', async () => {
    const folder = at('poisoned');
    await cp(at('tight'), folder, { recursive: true });
    const manifest = JSON.parse(await readFile(join(folder, 'dataset.json'), 'utf8'));
    [manifest.splits.train, manifest.splits.validation] = [manifest.splits.validation, manifest.splits.train];
    await writeFile(join(folder, 'dataset.json'), JSON.stringify(manifest));
    await expect(balance('refused', { sources: [{ dataset: folder }] })).rejects.toMatchObject({
      code: 'ROBLE_DATASET_LEAK',
    });
    expect(await exists(at('refused.work'))).toBe(false);
  });
});

describe('several sources', () => {
  it('share each class by their weights; synthetic ones are not tested on', async () => {
    await write('real', realSamples());
    const sources = [
      { dataset: at('real'), weight: 70 },
      { dataset: at('drawn'), weight: 30 },
    ];
    const options = { sources, target: 50 };
    const preview = await previewBalance(options);
    expect(preview.splits).toEqual({ train: 200, validation: 8 });
    expect(preview.classes[1]).toEqual({
      name: '1',
      original: 58,
      kept: 10,
      synthetic: 15,
      augmented: 25,
      total: 50,
      target: 50,
      mostCopies: 3,
    });
    // Classes 0 and 1 come from both.
    expect(preview.warnings).toEqual([
      'Only "drawn" has samples of A T: a model may tell them by how that source looks.',
    ]);
    await balance('mixed', options);
    const origins = (await samplesOf('mixed')).map(({ label, origin }) => `${label} ${origin}`);
    expect(origins.filter((name) => name === '0 real')).toHaveLength(35);
    expect(origins.filter((name) => name === 'A drawn')).toHaveLength(50);
  });

  async function* realSamples(): AsyncGenerator<PreparedSample> {
    for (let i = 0; i < 28; i++)
      yield {
        label: i % 2,
        source: `${i}`,
        pixels: new Uint8Array(144).fill(10 * (i + 1)),
        split: i < 20 ? 'train' : 'validation',
      };
  }

  it.each([
    [
      'one with a weight and one without',
      [{ dataset: 'drawn', weight: 2 }, { dataset: 'two' }],
      'ROBLE_USAGE',
    ],
    ['none', [], 'ROBLE_USAGE'],
    ['one that is not there', [{ dataset: 'nowhere' }], 'ROBLE_FILE_NOT_FOUND'],
    ['one twice', [{ dataset: 'drawn' }, { dataset: 'drawn' }], 'ROBLE_USAGE'],
  ])('%s: an error', async (_, sources, code) => {
    const absolute = sources.map((source) => ({ ...source, dataset: at(source.dataset) }));
    await expect(previewBalance({ sources: absolute })).rejects.toMatchObject({ code });
  });
});

describe('shards', () => {
  it('that are missing, given twice or of another recipe are named', async () => {
    const shardOf = (out: string, index: number, seed = 5) =>
      balance(out, { target: 60, seed, shard: { index, count: 2 } });
    await shardOf('halves', 0);
    const merge = (...shards: string[]) => mergeShards({ shards: shards.map(at), out: at('joined') });
    await expect(merge('halves')).rejects.toMatchObject({
      code: 'ROBLE_SHARDS_INCOMPLETE',
      details: { problems: [{ path: 'shard 1 of 2', message: 'is missing' }] },
    });
    await expect(merge('halves', 'halves')).rejects.toMatchObject({ code: 'ROBLE_SHARDS_INCOMPLETE' });
    await shardOf('other', 1, 6);
    await expect(merge('halves', 'other')).rejects.toMatchObject({
      code: 'ROBLE_SHARDS_INCOMPLETE',
      message: expect.stringContaining('another data set'),
    });
    await shardOf('halves', 1);
    expect(await shardOf('halves', 1)).toMatchObject({ written: 0 });
    const part = at('halves/shard-1-of-2/train-00003.labels');
    const bytes = await readFile(part);
    await writeFile(part, Buffer.from(bytes.map((byte) => byte ^ 1)));
    await expect(merge('halves')).rejects.toMatchObject({ code: 'ROBLE_DATASET_INVALID' });
    expect(await exists(at('joined'))).toBe(false);
    await writeFile(part, bytes);
    await merge('halves');
    await balance('whole', { target: 60 });
    expect(await contentOf('joined')).toEqual(await contentOf('whole'));
  });

  it('of a command are counted by the scheduler of jobs', async () => {
    const words = ['data:balance', 'drawn', '--out', 'job', '--target', '60', '--shards', '2', '--json'];
    const made = await roble(words, { JOB_COMPLETION_INDEX: '1' });
    const shard = { index: 1, count: 2 };
    expect(JSON.parse(String(made.stdout)).result.shard).toEqual(shard);
    const again = await balance(
      'job',
      { target: 60, seed: 0, augment: {}, shard },
      { mostSamples: undefined },
    );
    expect(again).toMatchObject({ written: 0, resumed: 0 });
  });
});

it('--plan prints what would be made of each class, and writes nothing', async () => {
  const before = await readdir(root);
  const plan = await roble(['data:balance', 'drawn', '--target', '100', '--plan']);
  expect(plan.exitCode).toBe(0);
  expect(String(plan.stdout)).toMatch(/^0 +48 +0 +48 +52 +100 +2$/m);
  expect(await readdir(root)).toEqual(before);
});

it('the sources of a configuration file lie beside it', async () => {
  await mkdir(at('project/deep'), { recursive: true });
  await writeFile(
    at('project/roble.config.yaml'),
    'balance:\n  sources:\n    - dataset: ../drawn\n  target: 70\n  augment:\n    strategy: light\n',
  );
  const planned = await execa(process.execPath, [CLI, 'data:balance', '--plan', '--json'], {
    cwd: at('project/deep'),
    env: { PATH: process.env.PATH!, HOME: root, NODE_ENV: 'production' },
    extendEnv: false,
  });
  expect(JSON.parse(planned.stdout).result.splits).toEqual({ train: 280, validation: 48 });
});

it('--html writes a page with the counts before and after, and originals beside their copies', async () => {
  const words = ['data:balance', 'drawn', '--target', '100', '--out', 'reported', '--html', 'report.html'];
  const made = await roble(words);
  expect([made.exitCode, String(made.stdout)]).toEqual([0, expect.stringContaining('Report: report.html')]);
  const page = await readFile(at('report.html'), 'utf8');
  expect(page).toContain('data:image/png;base64,');
  expect(page).not.toMatch(/(?:src|href)="http/);
  const rows = page.match(/<tr>.*?<\/tr>/g)!.map((row) =>
    row
      .replace(/<[^>]+>/g, ' ')
      .trim()
      .split(/\s+/),
  );
  expect(rows).toContainEqual(['0', '48', '0', '48', '52', '100', '100', '2']);
  const again = (html: string, more = {}) =>
    libraryBalance({
      ...{ sources: [{ dataset: at('drawn') }], target: 100 },
      ...{ out: at('again-reported'), html: at(html), ...more },
    });
  await expect(again('report.html')).rejects.toMatchObject({ code: 'ROBLE_OUTPUT_EXISTS' });
  await expect(again('other.html', { shard: { index: 0, count: 2 } })).rejects.toMatchObject({
    code: 'ROBLE_USAGE',
  });
  expect(await exists(at('again-reported'))).toBe(false);
});
