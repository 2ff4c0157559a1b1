/** What is written for thousands of classes grows with their number, and not with its square. */
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  analyzeRuns,
  createRegistry,
  importDataset,
  openBundle,
  preprocessingSchema,
  trainModel,
} from '../src/index.js';
import { temporaryFolder } from './support/temporary-folder.js';

const CLASSES = 2000;

let root: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('many-classes'));
});
afterAll(() => remove());

/** A drawing of each class: a line whose ends tell its number. */
function drawings(shift: number): string {
  const lines = Array.from({ length: CLASSES }, (_, i) => {
    const stroke = [
      [i % 60, shift],
      [60, Math.floor(i / 60)],
      [shift, 60],
    ];
    return JSON.stringify({ label: `character ${i}`, strokes: [stroke] });
  });
  return `${lines.join('\n')}\n`;
}

async function bytesIn(folder: string): Promise<number> {
  const sizes = (await readdir(folder, { withFileTypes: true })).map((entry) =>
    entry.isDirectory() ? 0 : stat(join(folder, entry.name)).then(({ size }) => size),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

it('a run, its report and its plots stay small, and tell of every class', async () => {
  await writeFile(join(root, 'train-a.jsonl'), drawings(0));
  await writeFile(join(root, 'val-a.jsonl'), drawings(5));
  const dataset = join(root, 'data');
  await importDataset({
    sources: ['train-a.jsonl', 'val-a.jsonl'].map((name) => join(root, name)),
    out: dataset,
    preprocessing: preprocessingSchema.parse({ width: 8, height: 8 }),
  });
  const run = join(root, 'run');
  const { bundle } = await trainModel(
    {
      dataset,
      run,
      model: { layers: [{ type: 'flatten' }, { type: 'dense', units: 'classes', bias: true }] },
      train: { epochs: 1, maxStepsPerEpoch: 2, batchSize: 32, threads: 1 },
    },
    { registry: createRegistry() },
  );
  expect((await openBundle(bundle!)).manifest.classes).toHaveLength(CLASSES);
  // A name and some numbers of each class: a table of all with all would have two bytes for each of 4 million pairs.
  expect(await bytesIn(run)).toBeLessThan(400 * CLASSES);
  const [html, svg] = ['report.html', 'plots.svg'].map((name) => join(root, name));
  const { runs } = await analyzeRuns({ runs: [run], files: { html: html!, svg: svg! } });
  expect(runs[0]!.evaluation!.perClass).toHaveLength(CLASSES);
  for (const file of [html!, svg!]) expect((await stat(file)).size).toBeLessThan(500_000);
});
