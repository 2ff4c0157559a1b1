import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { execa } from 'execa';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { analyzeRuns, compareRuns, parseBound } from '../src/index.js';
import { historyLines } from '../src/ui/results/history.js';
import { epochsOf, evaluationOf, HEALTHY, runHistory } from './support/history.js';
import { temporaryFolder } from './support/temporary-folder.js';

let root: string;
let remove: () => Promise<void>;

/** Labels that would break a page that does not escape them. */
const LABELS = ['O', '0', '<script>alert(1)</script>', 'a & "b"'];
const EVALUATION = {
  ...evaluationOf(
    [
      [60, 20, 0, 0],
      [15, 65, 0, 0],
      [0, 0, 78, 2],
      [1, 0, 0, 79],
    ],
    LABELS,
  ),
  confidentlyWrong: [{ index: 5, source: 'a/<b>.png', label: 'O', predicted: '0', probability: 0.99 }],
};

async function writeRun(name: string, learningRate: number, seed: number): Promise<void> {
  const folder = join(root, name);
  await mkdir(folder, { recursive: true });
  const curves = {
    ...HEALTHY,
    valAccuracy: (epoch: number) =>
      HEALTHY.valAccuracy!(epoch)! - learningRate - seed / 100 - (seed % 2) * learningRate * 0.1,
  };
  const run = {
    name,
    dataFingerprint: 'x',
    train: { epochs: 12, seed, learningRate, monitor: 'valAccuracy' },
  };
  await writeFile(join(folder, 'history.json'), JSON.stringify(runHistory(epochsOf(12, curves), run)));
}

beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('history'));
  for (const seed of [0, 1, 2]) {
    await writeRun(`low-${seed}`, 0.01, seed);
    await writeRun(`high-${seed}`, 0.05, seed);
  }
  await writeFile(join(root, 'low-0', 'evaluation.json'), JSON.stringify(EVALUATION));
  const picture = { create: { width: 8, height: 8, channels: 3, background: '#888' } } as const;
  await writeFile(join(root, 'low-0', 'mistakes.png'), await sharp(picture).png().toBuffer());
  const keras = {
    loss: [2, 1, 0.5],
    accuracy: [0.2, 0.5, 0.7],
    val_loss: [2, 1.2, 0.9],
    val_accuracy: [0.2, 0.45, 0.6],
  };
  await writeFile(join(root, 'keras.json'), JSON.stringify(keras));
  await writeFile(
    join(root, 'torch.json'),
    '[{"epoch": 0, "train_loss": NaN, "val_acc": 20.5}, {"epoch": 1, "train_loss": 1, "val_acc": 61}]',
  );
  await writeFile(join(root, 'broken.json'), '{"loss": [1,');
});
afterAll(() => remove());

const CLI = join(import.meta.dirname, '..', 'bin', 'run.js');

/** Runs the command in the temporary folder, with an environment that has no settings of its own. */
function analyze(...args: string[]) {
  return execa(process.execPath, [CLI, 'history:analyze', ...args], {
    cwd: root,
    env: { PATH: process.env.PATH, HOME: root, NODE_ENV: 'production' },
    extendEnv: false,
    reject: false,
  });
}
const jsonOf = ({ stdout }: { stdout: string }) => JSON.parse(stdout);

describe('history:analyze', () => {
  it('shows one run: its curves, its best epoch, its findings, its classes', async () => {
    const { exitCode, stdout, stderr } = await analyze('low-0');
    expect([exitCode, stderr]).toEqual([0, '']);
    for (const part of [
      '* loss   o valLoss',
      'best is epoch 12',
      'best, epoch 12',
      'worst pairs',
      'O / 0',
      'train.twins',
    ])
      expect(stdout).toContain(part);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('gives the same as JSON, with warnings where a script finds them', async () => {
    const { exitCode, stdout } = await analyze('low-0', 'torch.json', '--json');
    expect(exitCode).toBe(0);
    const { ok, result, warnings } = JSON.parse(stdout);
    expect(ok).toBe(true);
    expect(result.runs.map((run: { best: unknown }) => run.best)).toMatchObject([
      { epoch: 12 },
      { epoch: 2 },
    ]);
    expect(result.runs[1].best.metrics.valAccuracy).toBe(0.61);
    expect(result.runs[1].findings).toContainEqual(expect.objectContaining({ kind: 'not-finite' }));
    expect(result.runs[0].evaluation.worstPairs[0]).toMatchObject({ first: 'O', second: '0', count: 35 });
    expect(warnings).toEqual(['torch.json: "valAccuracy" holds percentages; they were divided by 100.']);
  });

  it('ends with 0 when every bound is met', async () => {
    const bounds = ['--fail-under', 'valAccuracy=0.6', '--fail-over', 'valLoss=0.9'];
    const { exitCode, stdout } = await analyze('keras.json', ...bounds);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('met: ');
    expect(stdout).not.toContain('missed: ');
  });

  it('ends with 4 when a bound is missed, with and without --json', async () => {
    const bounds = ['valAccuracy=0.5', 'loss=0.6'].flatMap((bound) => ['--fail-under', bound]);
    bounds.push('--fail-over', 'valLoss=1');
    const [people, script] = await Promise.all([
      analyze('keras.json', ...bounds),
      analyze('keras.json', ...bounds, '--json'),
    ]);
    expect([people.exitCode, script.exitCode]).toEqual([4, 4]);
    expect(people.stdout).toContain('missed: ');
    const { ok, result } = jsonOf(script);
    expect(ok).toBe(true);
    expect(result.bounds).toMatchObject([
      { metric: 'valAccuracy', met: true },
      { metric: 'loss', met: false },
      { metric: 'valLoss', met: true },
    ]);
  });

  it('holds the evaluation against bounds, and refuses a metric that is not there, naming those that are', async () => {
    const check = (run: string, bound: string) =>
      analyzeRuns({ runs: [join(root, run)], bounds: [parseBound(bound, 'under')] });
    expect((await check('low-0', 'balancedAccuracy=0.99')).bounds).toMatchObject([{ met: false }]);
    await expect(check('keras.json', 'valAcuracy=0.5')).rejects.toMatchObject({
      code: 'ROBLE_USAGE',
      details: { expected: expect.stringContaining('loss, accuracy, valLoss, valAccuracy') },
    });
  });

  it.each([
    [[], 'ROBLE_USAGE', 2],
    [['nowhere'], 'ROBLE_FILE_NOT_FOUND', 4],
    [['keras.json', '--metric', 'loss'], 'ROBLE_USAGE', 2],
  ])('%j is refused with %s', async (args, code, exitCode) => {
    const refused = await analyze(...args);
    expect(refused.exitCode).toBe(exitCode);
    expect(refused.stderr).toContain(code);
  });

  it('writes a page, pictures and a table, and replaces them only when told to', async () => {
    const files = ['--html', 'r.html', '--svg', 'r.svg', '--png', 'r.png', '--csv', 'r.csv'];
    expect((await analyze('low-0', ...files)).exitCode).toBe(0);
    const page = await readFile(join(root, 'r.html'), 'utf8');
    expect(unbalancedTags(page)).toEqual([]);
    expect(page).not.toMatch(/<script|<link|<iframe|@import|url\(|\son\w+=/i);
    expect([...page.matchAll(/(?:src|href)="([^"]{0,22})/g)].map((match) => match[1])).toEqual([
      'data:image/png;base64,',
    ]);
    for (const part of ['prefers-color-scheme: dark', '&lt;script&gt;', 'role="img"'])
      expect(page).toContain(part);
    expect(await sharp(join(root, 'r.png')).metadata()).toMatchObject({ format: 'png', width: 2000 });
    expect((await sharp(join(root, 'r.svg')).metadata()).width).toBe(1000);
    const rows = parse(await readFile(join(root, 'r.csv')), { columns: true }) as Record<string, string>[];
    expect(rows).toHaveLength(12);
    expect(Number(rows[11]!.valLoss)).toBe(HEALTHY.valLoss!(12));
    expect(rows.map(({ best }) => best).indexOf('true')).toBe(11);

    const into = (files: object) => analyzeRuns({ runs: [join(root, 'low-0')], files });
    await expect(into({ csv: join(root, 'new.csv'), png: join(root, 'r.png') })).rejects.toMatchObject({
      code: 'ROBLE_OUTPUT_EXISTS',
    });
    await expect(readFile(join(root, 'new.csv'))).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await analyze('keras.json', ...files, '--force')).exitCode).toBe(0);
    expect(await readFile(join(root, 'r.csv'), 'utf8')).toContain('keras.json');
    await expect(into({ csv: `${root}/one`, svg: `${root}/./one` })).rejects.toMatchObject({
      code: 'ROBLE_USAGE',
    });
  });

  it('compares runs over their seeds', async () => {
    const runs = [0, 1, 2].flatMap((seed) => [`low-${seed}`, `high-${seed}`]);
    const { exitCode, stdout } = await analyze(...runs, '--compare', '--html', 'compare.html');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/1 {2}learningRate=0\.01 +3 /);
    expect(stdout).toMatch(/learningRate=0\.01 against learningRate=0\.05:\s+learningRate=0\.01 is\s+better/);
    expect(unbalancedTags(await readFile(join(root, 'compare.html'), 'utf8'))).toEqual([]);
    const single = await analyzeRuns({ runs: runs.slice(0, 2).map((run) => join(root, run)), compare: true });
    const lines = historyLines(single, { width: 80, color: false, paint: (_format, text) => text });
    expect(lines.join(' ').replace(/\s+/g, ' ')).toContain('No evidence: with 1 common seed');
  });

  it('is a library, which refuses what is no history', async () => {
    const broken = analyzeRuns({ runs: [join(root, 'broken.json')] });
    await expect(broken).rejects.toMatchObject({ code: 'ROBLE_HISTORY_INVALID' });
    const [low, high] = [join(root, 'low-0'), join(root, 'high-0')];
    expect((await analyzeRuns({ runs: [low] })).runs[0]!.monitor).toEqual({
      metric: 'valAccuracy',
      mode: 'max',
    });
    expect((await compareRuns({ runs: [high, low] })).groups[0]!.runs[0]!.path).toBe(low);
  });
});

const TAG = /<(\/?)([a-z0-9]+)(?:\s[a-zA-Z][\w-]*="[^"<]*")*>/g;

/** Tags without their partner, and each < that is no tag. */
function unbalancedTags(page: string): string[] {
  const markup = page.replace('<!doctype html>', '').replace(/<style>[^<]*<\/style>/g, '');
  const tags = [...markup.matchAll(TAG)];
  const stray = markup.split('<').length - 1 - tags.length;
  const [open, wrong]: [string[], string[]] = [[], stray > 0 ? [`${stray} stray <`] : []];
  for (const [, end, name] of tags) {
    if (['meta', 'img'].includes(name!)) continue;
    if (end === '') open.push(name!);
    else if (open.pop() !== name) wrong.push(name!);
  }
  return [...wrong, ...open];
}
