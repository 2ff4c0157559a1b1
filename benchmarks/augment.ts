/**
 * Images per second and core of the augmentation: the strategy `medium` with canvas style and mixup on drawn characters
 * of 28x28, on one thread; and the same operations of torchvision and Pillow where Debian's python3-torchvision is
 * installed: interleaved, so that the ratio means something on a noisy machine.
 *
 *   npm run bench:data -- [--strategy medium] [--canvas-style 0.2] [--mixup 0.1] [--rounds 5]
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadPipeline } from '../src/core/data/augment/pipeline.js';
import { type StrategyName, stepsOf } from '../src/core/data/augment/settings.js';
import { openDataset } from '../src/core/data/dataset/open.js';
import { synthesizeDataset } from '../src/core/data/dataset/synthesize.js';
import { preprocessingSchema } from '../src/core/image/settings.js';
import { createRegistry } from '../src/index.js';
import { contest, startPython } from './rounds.js';

const { values } = parseArgs({
  options: {
    strategy: { type: 'string', default: 'medium' },
    'canvas-style': { type: 'string', default: '0.2' },
    mixup: { type: 'string', default: '0.1' },
    rounds: { type: 'string', default: '5' },
  },
});
const strategy = values.strategy as StrategyName;
const extras = { canvasStyle: Number(values['canvas-style']), mixup: Number(values.mixup) };
/** Copies of a round; Python makes fewer of them, for it takes as long. */
const COPIES = 40_000;
const PYTHON_COPIES = 500;

const folder = await mkdtemp(join(tmpdir(), 'roble-bench-'));
const { images, labels, classes } = await drawCharacters(join(folder, 'characters'));
const imagesFile = join(folder, 'images.bin');
await writeFile(imagesFile, images);
const steps = JSON.stringify(stepsOf(strategy, extras));
const python = await startPython('augment.py', [imagesFile, steps, String(PYTHON_COPIES)]);
const pipeline = await loadPipeline(createRegistry(), strategy, extras);
const pictures = labels.map((_, i) => ({
  width: 28,
  height: 28,
  channels: 1,
  data: images.subarray(784 * i, 784 * (i + 1)),
}));
let seed = 0;
await contest({
  label: `${strategy}, canvas style ${extras.canvasStyle}, mixup ${extras.mixup}`,
  rounds: Number(values.rounds),
  own: () => makeCopies(seed++),
  python,
  other: ['torchvision', 'python3-torchvision'],
  rate: (ms) => `${(1000 / ms).toFixed(0)} images/s and core`,
});
python?.stop();
await rm(folder, { recursive: true });

/** Milliseconds for one copy, its key, class and partner looked up as training does. */
function makeCopies(seed: number): number {
  const start = performance.now();
  for (let i = 0; i < COPIES; i++) {
    const sample = i % pictures.length;
    // The characters take turns, so that this picture is of the same class.
    const partner = pictures[(sample + classes.length) % pictures.length];
    pipeline.apply(pictures[sample]!, { seed, sample, copy: i }, classes[labels[sample]!]!, partner);
  }
  return (performance.now() - start) / COPIES;
}

async function drawCharacters(out: string) {
  const characters = [...'0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'];
  const preprocessing = preprocessingSchema.parse({ width: 28, height: 28 });
  await synthesizeDataset({ characters, perClass: 40, out, preprocessing });
  const { manifest, load } = await openDataset(out);
  const split = await load('train');
  return { images: split.images, labels: [...split.labels], classes: manifest.classes };
}
