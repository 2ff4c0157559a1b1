import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { temporaryFolder } from '../../../../test/support/temporary-folder.js';
import { tinyDataset } from '../../../../test/support/tiny-dataset.js';
import { sha256 } from '../../base/storage/durable.js';
import { type Dataset, openDataset } from '../../data/dataset/open.js';
import { checkJudgingData, countKnown, judgingPictures } from './judging-data.js';

let data: Dataset;
let remove: () => Promise<void>;
beforeAll(async () => {
  const { path, ...folder } = await temporaryFolder('judging-data');
  data = await openDataset(await tinyDataset(join(path, 'data')));
  remove = folder.remove;
});
afterAll(() => remove());

/** Says of samples of a split that they are copies, by their numbers. */
async function declareCopies(split: 'train' | 'validation', copies: Record<number, object>): Promise<void> {
  const file = join(data.folder, `${split}-00000.samples.jsonl`);
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
  const changed = lines.map((line, i) =>
    JSON.stringify({
      ...JSON.parse(line),
      ...(copies[i] && { copy: { number: 1, operations: [], ...copies[i] } }),
    }),
  );
  const text = `${changed.join('\n')}\n`;
  await writeFile(file, text);
  const manifest = join(data.folder, 'dataset.json');
  const about = JSON.parse(await readFile(manifest, 'utf8'));
  about.splits[split].parts[0].samples.sha256 = sha256(text);
  await writeFile(manifest, JSON.stringify(about));
  data = await openDataset(data.folder);
}

it('knows a judging picture by its pixels, and a copy by its parents', async () => {
  const [judging, training] = [await judgingPictures(data), await data.load('train')];
  const size = training.images.length / training.count;
  const hashOf = (i: number) => sha256(training.images.slice(i * size, (i + 1) * size));
  const before = await countKnown(data, judging);
  // Two pictures that judge, beside those that do by chance.
  const unknown = Array.from({ length: training.count }, (_, i) => i).filter((i) => !judging.has(hashOf(i)));
  const [one = 0, two = 0, three = 0, four = 0] = unknown;
  const more = new Set([...judging, hashOf(one)]);
  const twins = unknown.filter((i) => hashOf(i) === hashOf(one)).length;
  expect(await countKnown(data, more)).toBe(before + twins);
  const [judge = ''] = judging;
  const other = 'f'.repeat(64);
  await declareCopies('train', {
    [two]: { of: judge },
    [three]: { of: other, partner: judge },
    [four]: { of: other },
  });
  expect(await countKnown(data, judging)).toBe(before + 2);
});

it('takes originals as judges, and no copy', async () => {
  await checkJudgingData(data);
  await declareCopies('validation', { 5: { of: 'a'.repeat(64) }, 7: { of: 'a'.repeat(64) } });
  await expect(checkJudgingData(data)).rejects.toMatchObject({
    code: 'ROBLE_DATASET_LEAK',
    details: { received: expect.stringMatching(/^2 augmented samples of \d+, the first is number 5,/) },
  });
});
