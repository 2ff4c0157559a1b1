import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { epochsOf, evaluationOf, runHistory } from '../../../../test/support/history.js';
import { temporaryFolder } from '../../../../test/support/temporary-folder.js';
import { loadRuns } from './load-runs.js';
import { readHistory } from './read-run.js';

let root: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('history'));
});
afterAll(() => remove());

const HISTORY = JSON.stringify(runHistory(epochsOf(3), { name: 'x' }));
const LINES = [
  { type: 'run', name: 'x' },
  { type: 'epoch', epoch: 1, loss: 1 },
]
  .map((line) => JSON.stringify(line))
  .join('\n');

/** A folder with these files. */
async function folderOf(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = join(root, name);
  await mkdir(folder, { recursive: true });
  for (const [file, content] of Object.entries(files)) await writeFile(join(folder, file), content);
  return folder;
}

async function load(...paths: string[]) {
  const warnings: string[] = [];
  const runs = await loadRuns(paths, {
    reporter: { report: (event) => event.type === 'warning' && warnings.push(event.message) },
  });
  return { runs, warnings };
}

describe('a run folder', () => {
  it('is read from history.json', async () => {
    const folder = await folderOf('whole', { 'history.json': HISTORY, 'history.jsonl': LINES });
    expect((await readHistory(folder)).epochs).toHaveLength(3);
  });

  it.each([
    ['absent', {}],
    ['empty', { 'history.json': '' }],
    ['torn', { 'history.json': HISTORY.slice(0, 200) }],
    ['of another form', { 'history.json': '{"format":"roble-history","version":1}' }],
  ])('is read from history.jsonl where history.json is %s, with a warning', async (name, files) => {
    const folder = await folderOf(`lines-${name}`, { ...files, 'history.jsonl': LINES });
    const { runs, warnings } = await load(folder);
    expect(runs[0]!.epochs).toEqual([{ epoch: 1, metrics: { loss: 1 } }]);
    expect(warnings.join()).toContain('history.jsonl');
  });

  it('that holds no history is refused, as is one of a later version', async () => {
    const empty = await folderOf('empty', {});
    await expect(readHistory(empty)).rejects.toMatchObject({ code: 'ROBLE_FILE_NOT_FOUND' });
    const later = await folderOf('later', { 'history.json': HISTORY.replace('"version":1', '"version":2') });
    await expect(load(later)).rejects.toMatchObject({ code: 'ROBLE_HISTORY_INVALID' });
    await expect(load(join(root, 'nowhere'))).rejects.toMatchObject({ code: 'ROBLE_FILE_NOT_FOUND' });
  });

  it('has an evaluation, and does without one that is damaged', async () => {
    const evaluation = evaluationOf([
      [3, 1],
      [0, 4],
    ]);
    const good = await folderOf('good', {
      'history.json': HISTORY,
      'evaluation.json': JSON.stringify(evaluation),
    });
    expect((await load(good)).runs[0]!.evaluation).toEqual(evaluation);
    // Version 1 had a row for each class.
    const earlier = {
      ...evaluation,
      version: 1,
      confusion: [
        [3, 1],
        [0, 4],
      ],
    };
    const old = await folderOf('old', {
      'history.json': HISTORY,
      'evaluation.json': JSON.stringify(earlier),
    });
    expect((await load(old)).runs[0]!.evaluation).toEqual(evaluation);
    const damaged = { ...evaluation, confusion: [[0, 2, 1]] };
    const bad = await folderOf('bad', {
      'history.json': HISTORY,
      'evaluation.json': JSON.stringify(damaged),
    });
    const { runs, warnings } = await load(bad);
    expect(runs[0]!.evaluation).toBeUndefined();
    expect(warnings.join()).toContain('the tables do not fit the list of classes');
  });
});

describe('a history file', () => {
  it('is one of roble, of JSON lines, or of another program', async () => {
    const folder = await folderOf('files', {
      'history.json': HISTORY,
      'history.jsonl': LINES,
      'keras.json': '{"loss": [2, NaN], "val_accuracy": [0.5, 0.6]}',
      'log.txt':
        '{"epoch": 0, "train_loss": 2, "test_acc1": 50}\n{"epoch": 1, "train_loss": 1, "test_acc1": 60}\n',
    });
    const { runs } = await load(
      ...['history.json', 'history.jsonl', 'keras.json', 'log.txt'].map((file) => join(folder, file)),
    );
    expect(runs.map(({ format, epochs }) => [format, epochs.length])).toEqual([
      ['roble', 3],
      ['roble', 1],
      ['columns', 2],
      ['epochs', 2],
    ]);
    expect(runs[2]!.epochs[1]).toEqual({ epoch: 2, metrics: { loss: null, valAccuracy: 0.6 } });
    expect(runs[3]!.epochs[1]).toEqual({ epoch: 2, metrics: { loss: 1, valAccuracy: 0.6 } });
  });

  it('of a folder has the name of the folder; equal names become paths, and a run counts once', async () => {
    const one = await folderOf('seeds/a/run', { 'history.json': HISTORY });
    const other = await folderOf('seeds/b/run', { 'history.json': HISTORY });
    expect((await load(join(one, 'history.json'))).runs[0]!.name).toBe('run');
    const { runs, warnings } = await load(one, other, `${one}/`);
    expect(runs.map(({ name }) => name)).toEqual([one, other]);
    expect(warnings.join()).toContain('named twice');
  });
});
