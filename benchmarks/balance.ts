/**
 * A balanced data set from end to end: read, planned, made, written, synced and read back, with one worker and with one
 * for each core; and the augmentation of as many copies alone, in memory, on one thread. Interleaved, so that the ratios
 * mean something on a noisy machine.
 *
 *   npm run bench:balance -- [--dataset DIR] [--target 800] [--rounds 3]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadPipeline } from '../src/core/data/augment/pipeline.js';
import { preprocessingSchema } from '../src/core/image/settings.js';
import { balanceDataset, createRegistry, openDataset, synthesizeDataset } from '../src/index.js';
import { median } from './results.js';

const { values } = parseArgs({
  options: {
    dataset: { type: 'string' },
    target: { type: 'string', default: '800' },
    rounds: { type: 'string', default: '3' },
  },
});
const augment = { strategy: 'medium', canvasStyle: 0.2, mixup: 0.2 } as const;
const folder = await mkdtemp(join(tmpdir(), 'roble-bench-'));
const dataset = values.dataset ?? (await drawCharacters(join(folder, 'characters')));
const cores = availableParallelism();
const [one, all, alone]: [number[], number[], number[]] = [[], [], []];
let copies = 0;
for (let round = 0; round <= Number(values.rounds); round++) {
  const single = await balance(1);
  const parallel = await balance(cores);
  const bare = await augmentAlone(single.copies);
  copies = single.copies;
  // The first round warms up.
  if (round === 0) continue;
  one.push(single.seconds);
  all.push(parallel.seconds);
  alone.push(bare);
  console.log(
    `round ${round}: 1 worker ${single.seconds.toFixed(2)} s, ${cores} workers ${parallel.seconds.toFixed(2)} s (${(parallel.images / parallel.seconds).toFixed(0)} images/s), augmentation alone ${bare.toFixed(2)} s`,
  );
}
await rm(folder, { recursive: true });
console.log(
  `${copies} copies: 1 worker / augmentation alone ${ratio(one, alone)}, ${cores} workers / 1 worker ${ratio(all, one)} (medians)`,
);

function ratio(some: readonly number[], others: readonly number[]): string {
  return median(some.map((value, i) => value / others[i]!)).toFixed(2);
}

/** The whole command but for the start of its process. */
async function balance(workers: number) {
  const out = join(folder, 'balanced');
  const started = performance.now();
  const { splits, classes } = await balanceDataset({
    sources: [{ dataset }],
    target: Number(values.target),
    augment,
    workers,
    out,
  });
  const seconds = (performance.now() - started) / 1000;
  await rm(out, { recursive: true });
  const images = Object.values(splits).reduce((sum, count) => sum + count, 0);
  return { seconds, images, copies: classes.reduce((sum, { augmented }) => sum + augmented, 0) };
}

/** Seconds for copies of the first samples, none of them kept. */
async function augmentAlone(count: number): Promise<number> {
  const { manifest, load } = await openDataset(dataset);
  const { width, height, channels } = manifest.preprocessing;
  const { images, labels } = await load('train');
  const pipeline = await loadPipeline(createRegistry(), augment.strategy, augment);
  const size = width * height * channels;
  const view = (sample: number) => ({
    width,
    height,
    channels,
    data: images.subarray(sample * size, (sample + 1) * size),
  });
  const started = performance.now();
  for (let copy = 0; copy < count; copy++) {
    const sample = copy % labels.length;
    const partner = view((sample + 1) % labels.length);
    pipeline.apply(view(sample), { seed: 0, sample, copy }, manifest.classes[labels[sample]!]!, partner);
  }
  return (performance.now() - started) / 1000;
}

async function drawCharacters(out: string): Promise<string> {
  const preprocessing = preprocessingSchema.parse({ width: 28, height: 28 });
  await synthesizeDataset({ characters: [...'0123456789ABCDEF'], perClass: 200, out, preprocessing });
  return out;
}
