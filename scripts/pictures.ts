/** Draws the pictures of docs/augmentation.md anew: two characters and their copies, by each augmenter and strategy. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { STRATEGY_NAMES, type Strategy } from '../src/core/data/augment/settings.js';
import { preprocessingSchema } from '../src/core/image/settings.js';
import { contactSheet, createRegistry, previewCopies, synthesizeDataset } from '../src/index.js';

const PICTURES = join(dirname(import.meta.dirname), 'docs', 'pictures');
const COPIES = 9;

const folder = await mkdtemp(join(tmpdir(), 'roble-pictures-'));
const drawn = join(folder, 'drawn');
await synthesizeDataset({
  characters: ['A', 'k'],
  perClass: 10,
  out: drawn,
  preprocessing: preprocessingSchema.parse({}),
  seed: 1,
});

async function draw(name: string, strategy: Strategy, extras = {}): Promise<void> {
  const preview = await previewCopies({ folder: drawn, strategy, copies: COPIES, ...extras });
  const { pictures, preprocessing, columns } = preview;
  const png = await contactSheet(pictures, preprocessing, { columns, zoom: 2 });
  await writeFile(join(PICTURES, `augment-${name}.png`), png);
}

for (const { kind, name } of createRegistry().entries)
  if (kind === 'augmenter') await draw(name, [{ augmenter: name, probability: 1, parameters: {} }]);
for (const name of STRATEGY_NAMES) if (name !== 'none') await draw(name, name);
await draw('extras', 'medium', { canvasStyle: 0.3, mixup: 0.3 });
await rm(folder, { recursive: true });
