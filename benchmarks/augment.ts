/**
 * Images per second and core of the augmentation: the strategy `medium` with canvas style and mixup on drawn characters of
 * 28x28, on one thread, beside the same operations of Albumentations.
 *
 *   npm run bench:data -- [--strategy medium] [--canvas-style 0.2] [--mixup 0.1] [--rivals FOLDER] [--rounds 5] [--json FILE]
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadPipeline } from '../src/core/data/augment/pipeline.js';
import { type StrategyName, stepsOf } from '../src/core/data/augment/settings.js';
import { openDataset } from '../src/core/data/dataset/open.js';
import { synthesizeDataset } from '../src/core/data/dataset/synthesize.js';
import { preprocessingSchema } from '../src/core/image/settings.js';
import { createRegistry } from '../src/index.js';
import { benchmark, contest } from './contest.js';
import { startRounds } from './rivals.js';

/** Copies of a round; Python makes fewer of them, for it takes as long. */
const COPIES = 40_000;
const PYTHON_COPIES = 1000;

await benchmark(
  { strategy: 'medium', 'canvas-style': '0.2', mixup: '0.1' },
  async function* (words, { rivals, rounds }) {
    const strategy = words.strategy as StrategyName;
    const extras = { canvasStyle: Number(words['canvas-style']), mixup: Number(words.mixup) };
    const folder = await mkdtemp(join(tmpdir(), 'roble-bench-'));
    const characters = await drawCharacters(join(folder, 'characters'));
    const imagesFile = join(folder, 'images.bin');
    await writeFile(imagesFile, characters.images);
    const steps = JSON.stringify(stepsOf(strategy, extras));
    const python = rivals && (await startRounds(rivals, 'augment.py', [imagesFile, steps, PYTHON_COPIES]));
    const pipeline = await loadPipeline(createRegistry(), strategy, extras);
    let seed = 0;
    const row = await contest({
      task: 'augmented copies of 28x28',
      input: `${strategy}, canvas style ${extras.canvasStyle}, mixup ${extras.mixup}, one thread`,
      unit: 'images/s',
      rounds,
      own: [{ name: 'roble', rate: () => makeCopies(pipeline, characters, seed++) }],
      rivals: python
        ? [{ name: 'Albumentations', rate: async () => 1000 / (await python.round()), close: python.stop }]
        : [],
    });
    await rm(folder, { recursive: true });
    yield row;
  },
);

/** Copies a second, with key, class and partner looked up as training does. */
function makeCopies(
  pipeline: Awaited<ReturnType<typeof loadPipeline>>,
  { images, labels, classes }: Awaited<ReturnType<typeof drawCharacters>>,
  seed: number,
): number {
  const pictures = labels.map((_, i) => ({
    width: 28,
    height: 28,
    channels: 1,
    data: images.subarray(784 * i, 784 * (i + 1)),
  }));
  const start = performance.now();
  for (let i = 0; i < COPIES; i++) {
    const sample = i % pictures.length;
    // The characters take turns, so that this picture is of the same class.
    const partner = pictures[(sample + classes.length) % pictures.length];
    pipeline.apply(pictures[sample]!, { seed, sample, copy: i }, classes[labels[sample]!]!, partner);
  }
  return (1000 * COPIES) / (performance.now() - start);
}

async function drawCharacters(out: string) {
  const characters = [...'0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'];
  const preprocessing = preprocessingSchema.parse({ width: 28, height: 28 });
  await synthesizeDataset({ characters, perClass: 40, out, preprocessing });
  const { manifest, load } = await openDataset(out);
  const split = await load('train');
  return { images: split.images, labels: [...split.labels], classes: manifest.classes };
}
