/** data:validate on real data sets: faults that are planted are found, a clean set has none, and a cleaned one neither. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PreparedSample, writeDataset } from '../src/core/dataset/write.js';
import { preprocessingSchema } from '../src/core/image/preprocessing.js';
import { exists } from '../src/core/storage/exists.js';
import { synthesizeDataset } from '../src/core/strokes/synthesize.js';
import { balanceDataset, validateDataset } from '../src/index.js';
import { samplesIn } from './support/samples.js';
import { temporaryFolder } from './support/temporary-folder.js';

const CLI = join(import.meta.dirname, '..', 'bin', 'run.js');
const preprocessing = preprocessingSchema.parse({ width: 20, height: 20 });

let root: string;
let remove: () => Promise<void>;
/** Drawn characters, and how many of them are in train. */
let drawn: PreparedSample[];
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('validate'));
  const options = { characters: [...'24AKS'], perClass: 40, writers: 40, preprocessing };
  await synthesizeDataset({ ...options, out: at('drawn') });
  const samplesOf = async (split: 'train' | 'validation') =>
    (await samplesIn(at('drawn'), split)).map((sample) => ({ ...sample, split }));
  drawn = [...(await samplesOf('train')), ...(await samplesOf('validation'))];
});
afterAll(() => remove());

const at = (name: string) => join(root, name);
const ofSplit = (split: string) => drawn.filter((sample) => sample.split === split);

async function write(out: string, samples: readonly PreparedSample[]): Promise<string> {
  async function* all() {
    yield* samples;
  }
  const split = { mode: 'given', seed: 0 } as const;
  await writeDataset({ out: at(out), name: out, preprocessing, split, recipe: () => ({}) }, all());
  return at(out);
}

/** What is found in a data set, without what is only worth knowing. */
async function found(folder: string) {
  const { findings } = await validateDataset({ dataset: folder });
  return findings
    .filter(({ severity }) => severity !== 'info')
    .map(({ check, severity, samples }) => ({
      check,
      severity,
      sources: samples.map(({ source }) => source),
    }));
}

const roble = (...words: string[]) =>
  execa(process.execPath, [CLI, ...words], {
    cwd: root,
    env: { PATH: process.env.PATH!, HOME: root, NODE_ENV: 'production' },
    extendEnv: false,
    reject: false,
  });

it('finds nothing wrong with drawn characters, nor with a balanced set of them', async () => {
  expect(await found(at('drawn'))).toEqual([]);
  await balanceDataset({ sources: [{ dataset: at('drawn') }], target: 60, out: at('balanced') });
  expect(await found(at('balanced'))).toEqual([]);
});

describe('planted faults', () => {
  const tested = () => ofSplit('validation')[0]!;
  const trained = () => ofSplit('train')[0]!;

  it.each<[string, () => PreparedSample, { check: string; severity: string }]>([
    [
      'a picture of validation in train',
      () => ({ ...tested(), group: 'new', source: 'planted', split: 'train' }),
      { check: 'leaks', severity: 'error' },
    ],
    [
      'a copy among what is tested on',
      () => ({
        ...tested(),
        pixels: tested().pixels.map((value) => 255 - value),
        source: 'planted',
        copy: { of: '0'.repeat(64), number: 1, operations: [] },
      }),
      { check: 'leaks', severity: 'error' },
    ],
    [
      'a blank picture',
      () => ({ ...trained(), pixels: new Uint8Array(400).fill(3), source: 'planted' }),
      { check: 'blank', severity: 'warning' },
    ],
    [
      'one picture with two labels',
      () => ({ ...trained(), label: trained().label === 'A' ? 'K' : 'A', source: 'planted' }),
      { check: 'conflicting-labels', severity: 'warning' },
    ],
    [
      'swapped ink and paper',
      () => ({ ...trained(), pixels: trained().pixels.map((value) => 255 - value), source: 'planted' }),
      { check: 'inverted', severity: 'warning' },
    ],
  ])('%s: found', async (name, plant, expected) => {
    const { strokes: _, ...planted } = plant();
    const findings = await found(await write(name, [...drawn, planted]));
    expect(findings).toContainEqual({ ...expected, sources: expect.arrayContaining(['planted']) });
  });

  it('a class with nothing to be tested on, and one of few samples', async () => {
    const folder = await write('few', [
      ...drawn.filter(({ label, split }) => label !== 'K' || split === 'train'),
      ...ofSplit('train')
        .slice(0, 3)
        .map((sample, i) => ({ ...sample, label: 'rare', pixels: drawn[i + 90]!.pixels.toReversed() })),
    ]);
    const structure = (await validateDataset({ dataset: folder, only: ['structure'] })).findings;
    expect(structure.map(({ message }) => message).join('\n')).toMatch(/"K"[\s\S]*"rare" \(3\)/);
  });
});

describe('the command', () => {
  beforeAll(async () => {
    const { strokes: _, ...leak } = { ...ofSplit('validation')[0]!, source: 'leak', group: 'new' };
    const blank = { ...leak, pixels: new Uint8Array(400), source: 'blank' };
    const again = { ...ofSplit('train')[0]!, source: 'again' };
    const planted = [leak, blank, again].map((sample) => ({ ...sample, split: 'train' as const }));
    await write('faulty', [...drawn, ...planted]);
  });

  it('ends with 4 when something is found that is as bad as it is asked about', async () => {
    const codes = async (...words: string[]) => (await roble('data:validate', ...words, '--json')).exitCode;
    expect(await codes('faulty')).toBe(4);
    expect(await codes('faulty', '--fail-on', 'never')).toBe(0);
    expect(await codes('faulty', '--only', 'blank')).toBe(0);
    expect(await codes('faulty', '--only', 'blank', '--fail-on', 'warning')).toBe(4);
    expect(await codes('drawn', '--fail-on', 'warning')).toBe(0);
    expect(await codes('faulty', '--only', 'blnk')).toBe(2);
    expect(await codes('nowhere')).toBe(4);
  });

  it('writes a data set without what it found, and lists that', async () => {
    const applied = await roble('data:validate', 'faulty', '--apply', 'clean', '--json');
    expect(applied.exitCode).toBe(4);
    const { cleaned } = JSON.parse(String(applied.stdout)).result;
    expect(cleaned).toMatchObject({ removed: { leaks: 1, duplicates: 1, blank: 1 } });
    const removed = (await readFile(at('clean/removed.jsonl'), 'utf8')).trim().split('\n');
    expect(removed.map((line) => JSON.parse(line).source).sort()).toEqual(['again', 'blank', 'leak']);
    expect(await found(at('clean'))).toEqual([]);
    const kept = [...(await samplesIn(at('clean'))), ...(await samplesIn(at('clean'), 'validation'))];
    expect(kept.map(({ source, strokes }) => ({ source, strokes }))).toEqual(
      drawn.map(({ source, strokes }) => ({ source, strokes })),
    );
    const again = await roble('data:validate', 'faulty', '--apply', 'clean', '--json');
    expect(JSON.parse(String(again.stdout)).error.code).toBe('ROBLE_OUTPUT_EXISTS');
  });

  it('copies go with their original', async () => {
    await balanceDataset({ sources: [{ dataset: at('drawn') }], target: 70, out: at('copied') });
    const [first] = await samplesIn(at('copied'));
    const copies = (await samplesIn(at('copied'))).filter(({ copy }) => copy?.of === first!.sha256);
    const poisoned = [...(await samplesIn(at('copied')))].map((sample) => ({
      ...sample,
      split: 'train' as const,
    }));
    const tested = (await samplesIn(at('copied'), 'validation')).map((sample) => ({
      ...sample,
      split: 'validation' as const,
    }));
    const { strokes: _, ...leaked } = {
      ...first!,
      group: 'new',
      source: 'leaked',
      split: 'validation' as const,
    };
    const folder = await write('poisoned', [...poisoned, ...tested, leaked]);
    const { cleaned } = await validateDataset({ dataset: folder, apply: { out: at('mended') } });
    expect(copies.length).toBeGreaterThan(0);
    const kept = await samplesIn(at('mended'));
    expect(kept.filter(({ sha256, copy }) => sha256 === first!.sha256 || copy?.of === first!.sha256)).toEqual(
      [],
    );
    expect(kept.length).toBeLessThanOrEqual(poisoned.length - 1 - copies.length);
    expect(cleaned!.splits.validation).toBe(tested.length + 1);
  });

  it('shows what it found, on one page with pictures too', async () => {
    const shown = await roble('data:validate', 'faulty', '--html', 'report.html');
    expect(String(shown.stdout)).toMatch(/^error leaks: /m);
    const page = await readFile(at('report.html'), 'utf8');
    expect(page).toContain('data:image/png;base64,');
    expect(page).not.toMatch(/(?:src|href)="http/);
    expect((await roble('data:validate', 'faulty', '--html', 'report.html')).exitCode).toBe(2);
    expect(await exists(at('report.html'))).toBe(true);
  });
});
