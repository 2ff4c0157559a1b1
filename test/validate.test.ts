/** `data:validate`: planted faults are found, clean data is not blamed, and a cleaned data set is whole. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../src/core/base/storage/durable.js';
import { exists } from '../src/core/base/storage/files.js';
import { type PreparedSample, writeDataset } from '../src/core/data/dataset/write.js';
import { preprocessingSchema } from '../src/core/image/settings.js';
import {
  balanceDataset,
  type DatasetFinding,
  openDataset,
  type SampleProvenance,
  type SplitName,
  synthesizeDataset,
  validateDataset,
} from '../src/index.js';
import { temporaryFolder } from './support/temporary-folder.js';

const CLI = join(import.meta.dirname, '..', 'bin', 'run.js');
const preprocessing = preprocessingSchema.parse({ width: 20, height: 20 });
const SIZE = 400;
const CLASSES = ['2', '8', 'A', 'g'];

let root: string;
let remove: () => Promise<void>;
let drawn: Sample[];
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('validate'));
  await synthesizeDataset({
    characters: CLASSES,
    perClass: 40,
    out: at('drawn'),
    preprocessing,
    writers: 80,
  });
  drawn = await samplesOf('drawn');
});
afterAll(() => remove());

const at = (name: string) => join(root, name);
type Sample = SampleProvenance & { split: SplitName; label: string; pixels: Uint8Array };

async function samplesOf(folder: string): Promise<Sample[]> {
  const dataset = await openDataset(at(folder));
  const samples: Sample[] = [];
  for (const split of Object.keys(dataset.manifest.splits) as SplitName[]) {
    const { images, labels } = await dataset.load(split);
    let i = 0;
    for await (const provenance of dataset.provenance(split)) {
      const pixels = images.slice(i * SIZE, (i + 1) * SIZE);
      samples.push({ ...provenance, split, label: dataset.manifest.classes[labels[i]!]!, pixels });
      i += 1;
    }
  }
  return samples;
}

/** The drawn samples and more, without groups, so that none is shared. */
async function plant(out: string, ...more: readonly Sample[]): Promise<string> {
  async function* all(): AsyncGenerator<PreparedSample> {
    for (const { group: _, ...sample } of drawn) yield sample;
    yield* more;
  }
  const options = { out: at(out), name: out, preprocessing, classes: CLASSES, split: { seed: 0 } };
  await writeDataset({ ...options, recipe: () => ({}) }, all());
  return at(out);
}
const first = (split: SplitName, label: string) =>
  drawn.find((sample) => sample.split === split && sample.label === label)!;
const noisy = (pixels: Uint8Array) => pixels.map((value, i) => (value > 8 ? value - (i % 5) : value));
const planted = (sample: Sample, change: Partial<Sample>): Sample => {
  const { group: _, ...rest } = sample;
  return { ...rest, source: 'planted', ...change };
};
/** Of the findings of a check, its severity and the sources of its samples. */
const told = (findings: readonly DatasetFinding[], check: string) =>
  findings
    .filter((finding) => finding.check === check)
    .map(({ severity, samples }) => [severity, samples.map(({ source }) => source)]);
const check = async (folder: string, ...only: string[]) =>
  (await validateDataset({ dataset: folder, only })).findings;

it('finds nothing in data that was drawn picture by picture', async () => {
  const { findings, count } = await validateDataset({ dataset: at('drawn') });
  expect([findings, count]).toEqual([[], 160]);
});

describe('finds', () => {
  it('a picture in two splits, exactly or but for noise, and names the one in train', async () => {
    const [exact, near] = [first('validation', 'A'), first('validation', 'g')];
    const folder = await plant(
      'leaky',
      planted(exact, { split: 'train', source: 'exact' }),
      planted(near, { split: 'train', source: 'near', pixels: noisy(near.pixels) }),
    );
    const findings = await check(folder, 'leaks', 'duplicates', 'near-duplicates', 'conflicting-labels');
    expect(told(findings, 'leaks')).toEqual([
      ['error', ['exact']],
      ['error', ['near']],
    ]);
    expect(findings).toHaveLength(2);
    expect(findings[0]!.samples[0]!.like).toEqual({
      split: 'validation',
      index: drawn.filter(({ split }) => split === 'validation').indexOf(exact),
    });
  });

  it('a bar that is nearly so in two splits, without calling it an error', async () => {
    const bar = (level: number) =>
      Uint8Array.from({ length: SIZE }, (_, i) => (i % 20 === 9 && i > 60 && i < 340 ? level : 0));
    const one = first('train', '8');
    const folder = await plant(
      'bars',
      planted(one, { pixels: bar(255) }),
      planted(one, { pixels: bar(250), split: 'validation', source: 'other' }),
    );
    expect(told(await check(folder, 'leaks'), 'leaks')).toEqual([['warning', ['planted']]]);
  });

  it('repeats within a split, and the same picture with another label', async () => {
    const [two, eight, tested] = [first('train', '2'), first('train', '8'), first('validation', 'A')];
    const folder = await plant(
      'repeats',
      planted(two, { source: 'exact' }),
      planted(eight, { source: 'near', pixels: noisy(eight.pixels) }),
      planted(two, { source: 'wrong', label: 'A' }),
      planted(tested, { source: 'tested twice' }),
    );
    const findings = await check(folder, 'duplicates', 'near-duplicates', 'conflicting-labels');
    expect(told(findings, 'duplicates')).toEqual([
      ['warning', ['exact']],
      ['info', ['tested twice']],
    ]);
    expect(told(findings, 'near-duplicates')).toEqual([['info', ['near']]]);
    expect(told(findings, 'conflicting-labels')).toEqual([['warning', ['wrong']]]);
  });

  it('pictures that are blank, inverted, or unlike the others of their class', async () => {
    const one = first('train', '8');
    const pale = one.pixels.map((value) => value / 5);
    const folder = await plant(
      'odd',
      planted(one, { source: 'blank', pixels: new Uint8Array(SIZE).fill(7) }),
      planted(one, { source: 'inverted', pixels: one.pixels.map((value) => 255 - value) }),
      planted(one, { source: 'pale', pixels: pale }),
    );
    const findings = await check(folder, 'blank', 'inverted', 'outliers');
    expect(findings.map(({ check: name, samples }) => [name, samples.map(({ source }) => source)])).toEqual([
      ['blank', ['blank']],
      ['inverted', ['inverted']],
      ['outliers', ['pale']],
    ]);
  });

  it('classes that are missing, rare or uneven', async () => {
    const counts: Record<string, number> = { '2': 30, '8': 2, A: 12, g: 12 };
    async function* few(): AsyncGenerator<PreparedSample> {
      for (const { group: _, ...sample } of drawn) {
        if (sample.split === 'validation' && sample.label === 'g') continue;
        const left = sample.split === 'train' ? counts[sample.label]! : 1;
        if (sample.split === 'train') counts[sample.label] = left - 1;
        if (left > 0) yield sample;
      }
    }
    const options = { out: at('few'), name: 'few', preprocessing, split: { seed: 0 }, recipe: () => ({}) };
    await writeDataset(options, few());
    const messages = (await check(at('few'), 'structure')).map(({ severity, message }) => [
      severity,
      message,
    ]);
    expect(messages).toEqual([
      ['warning', expect.stringMatching(/without a sample in validation.*"g"/)],
      ['warning', expect.stringMatching(/fewer than 10 samples in train: "8" \(2\)/)],
      ['warning', expect.stringMatching(/"2" \(30\), has 15.0 times .* "8" \(2\)/)],
    ]);
  });

  it('augmented copies that are tested on, or are made of what is', async () => {
    const [tested, trained] = [first('validation', '2'), first('train', '2')];
    const copyOf = (sample: Sample) => ({ of: sha256(sample.pixels), number: 1, operations: [] });
    const other = drawn.filter(({ label }) => label === 'A').map(({ pixels }) => pixels.toReversed());
    const folder = await plant(
      'copies',
      planted(trained, { source: 'of tested', copy: copyOf(tested), pixels: other[0]! }),
      planted(trained, { source: 'fine', copy: copyOf(trained), pixels: other[1]! }),
      planted(tested, { source: 'tested copy', copy: copyOf(trained), pixels: other[2]! }),
    );
    expect(told(await check(folder, 'leaks'), 'leaks')).toEqual([
      ['error', ['tested copy']],
      ['error', ['of tested']],
    ]);
  });
});

const roble = (...words: string[]) =>
  execa(process.execPath, [CLI, 'data:validate', ...words], {
    cwd: root,
    env: { PATH: process.env.PATH!, HOME: root, NODE_ENV: 'production' },
    extendEnv: false,
    reject: false,
  });
const errorOf = ({ stdout }: { stdout?: unknown }) => JSON.parse(String(stdout)).error;

describe('--apply', () => {
  it('leaves out what was found, says so, and keeps the rest as it was', async () => {
    const [tested, two] = [first('validation', 'A'), first('train', '2')];
    await plant(
      'dirty',
      planted(tested, { split: 'train', source: 'leak' }),
      planted(two, { source: 'repeat' }),
      planted(two, { source: 'blank', pixels: new Uint8Array(SIZE) }),
      planted(two, { source: 'wrong', label: '8' }),
    );
    const cleaned = await roble('dirty', '--apply', 'clean', '--json');
    // The exit code speaks of what was found, not of what was written.
    expect(cleaned.exitCode).toBe(4);
    expect(JSON.parse(String(cleaned.stdout)).result.cleaned).toMatchObject({
      removed: { leaks: 1, duplicates: 1, blank: 1 },
      splits: { train: 129, validation: 32 },
    });
    const removed = (await readFile(at('clean/removed.jsonl'), 'utf8')).trim().split('\n');
    expect(removed.map((line) => JSON.parse(line)).map(({ kind, source }) => [kind, source])).toEqual([
      ['leaks', 'leak'],
      ['duplicates', 'repeat'],
      ['blank', 'blank'],
    ]);
    const left = await samplesOf('dirty');
    expect(await samplesOf('clean')).toEqual(
      left.filter(({ source }) => !['leak', 'repeat', 'blank'].includes(source)),
    );
    expect((await openDataset(at('clean'))).manifest.recipe).toMatchObject({
      command: 'data:validate',
      source: { name: 'dirty', fingerprint: (await openDataset(at('dirty'))).manifest.fingerprint },
      remove: ['leaks', 'duplicates', 'blank'],
    });
    await expect(
      validateDataset({ dataset: at('dirty'), apply: { out: at('clean') } }),
    ).rejects.toMatchObject({ code: 'ROBLE_OUTPUT_EXISTS' });
  });

  it('keeps the lineage of copies, and lets those go whose original goes', async () => {
    const blank = planted(first('train', '2'), { source: 'blank', pixels: new Uint8Array(SIZE) });
    await plant('with-blank', blank);
    const sources = [{ dataset: at('with-blank') }];
    await balanceDataset({ sources, target: 80, out: at('balanced'), augment: { strategy: 'light' } });
    const { cleaned } = await validateDataset({
      dataset: at('balanced'),
      only: ['blank'],
      apply: { out: at('balanced-clean'), remove: ['blank'] },
    });
    const [before, after] = [await samplesOf('balanced'), await samplesOf('balanced-clean')];
    const gone = sha256(blank.pixels);
    expect(before.filter(({ copy }) => copy?.of === gone).length).toBeGreaterThan(0);
    expect(after).toEqual(before.filter(({ sha256: own, copy }) => own !== gone && copy?.of !== gone));
    expect(Object.values(cleaned!.removed).reduce((a, b) => a + b)).toBe(before.length - after.length);
  });

  it('refuses to remove what no check looks for, and words that it does not know', async () => {
    const unseen = { dataset: at('drawn'), only: ['structure'], apply: { out: at('x') } };
    await expect(validateDataset(unseen)).rejects.toMatchObject({
      code: 'ROBLE_USAGE',
      details: { expected: expect.stringContaining('leaks') },
    });
    const unknown = await roble('drawn', '--apply', 'x', '--remove', 'duplicate', '--json');
    expect([unknown.exitCode, errorOf(unknown).nextSteps]).toEqual([2, ['Did you mean "duplicates"?']]);
    expect(await exists(at('x'))).toBe(false);
  });
});

describe('the command', () => {
  it('ends with 4 for what --fail-on says, in text and JSON', async () => {
    await plant('blanks', planted(first('train', '2'), { pixels: new Uint8Array(SIZE) }));
    const text = await roble('blanks');
    expect(text.exitCode).toBe(0);
    expect(String(text.stdout)).toMatch(/warning blank: 1 picture shows nothing\.\n {4}train 128 "2"/);
    expect((await roble('blanks', '--fail-on', 'warning')).exitCode).toBe(4);
    expect((await roble('blanks', '--fail-on', 'warning', '--skip', 'blank', '--json')).exitCode).toBe(0);
    // A leak, which is an error.
    await plant('leaking', planted(first('validation', 'A'), { split: 'train' }));
    const never = await roble('leaking', '--only', 'leaks', '--fail-on', 'never', '--json');
    const { checks, severities } = JSON.parse(String(never.stdout)).result;
    expect([never.exitCode, checks, severities.error]).toEqual([0, ['leaks'], 1]);
  });

  it('writes a page that holds everything in itself, and does not replace one unasked', async () => {
    await plant('paged', planted(first('train', '2'), { source: '<b>&.png' }));
    await writeFile(at('page.html'), 'an older page');
    await expect(validateDataset({ dataset: at('paged'), html: at('page.html') })).rejects.toMatchObject({
      code: 'ROBLE_OUTPUT_EXISTS',
    });
    expect(await readFile(at('page.html'), 'utf8')).toBe('an older page');
    expect((await roble('paged', '--html', 'page.html', '--force')).exitCode).toBe(0);
    const page = await readFile(at('page.html'), 'utf8');
    expect(page).toContain('src="data:image/png;base64,');
    expect(page).toContain('&lt;b&gt;&amp;.png');
    expect(page).not.toMatch(/<b>|https?:|<script/);
  });
});

it('names the checks when there is none of a name', async () => {
  await expect(validateDataset({ dataset: at('drawn'), only: ['leak'] })).rejects.toMatchObject({
    code: 'ROBLE_USAGE',
    details: { nextSteps: ['Did you mean "leaks"?'] },
  });
});
