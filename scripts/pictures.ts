/**
 * Draws the pictures of docs/augmentation.md anew: two characters and their copies, by each augmenter and strategy; for those of
 * photographs two scenes in colour.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { STRATEGY_NAMES, type Strategy } from '../src/core/data/augment/settings.js';
import { preprocessingSchema } from '../src/core/image/settings.js';
import {
  contactSheet,
  createRegistry,
  importDataset,
  previewCopies,
  synthesizeDataset,
} from '../src/index.js';

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

/** Hills in two moods, as SVG: with light, shade and colours, as a photograph has them. */
const SCENES = {
  noon: ['#4a90d9', '#cfe8ff', '#ffd84a', 68, 22, '#3f8f3f', '#7fb24d', '#b3352b'],
  evening: ['#3b2a5e', '#f08a4b', '#ffe9c9', 26, 44, '#2b3a4a', '#56506b', '#d9a441'],
};
const scenes = join(folder, 'scenes');
for (const [name, [high, low, sun, x, y, far, near, roof]] of Object.entries(SCENES)) {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="384" height="384" viewBox="0 0 96 96">
    <linearGradient id="sky" x2="0" y2="1"><stop stop-color="${high}"/><stop offset="0.7" stop-color="${low}"/></linearGradient>
    <rect width="96" height="96" fill="url(#sky)"/>
    <circle cx="${x}" cy="${y}" r="9" fill="${sun}"/>
    <path d="M0 62 Q24 40 52 60 T96 50 V96 H0 Z" fill="${far}"/>
    <path d="M0 78 Q40 58 96 76 V96 H0 Z" fill="${near}"/>
    <path d="M56 62 h22 v18 h-22 z" fill="#f2ead8"/><path d="M52 63 L67 49 L82 63 Z" fill="${roof}"/>
    <path d="M64 70 h6 v10 h-6 z" fill="#5a3d2b"/>
    <path d="M20 84 v-14" stroke="#5a3d2b" stroke-width="3"/><circle cx="20" cy="64" r="9" fill="${far}"/>
  </svg>`;
  await mkdir(join(scenes, name), { recursive: true });
  await writeFile(join(scenes, name, 'scene.png'), await sharp(Buffer.from(svg)).png().toBuffer());
}
const photographed = join(folder, 'photographed');
await importDataset({
  sources: [scenes],
  out: photographed,
  preprocessing: preprocessingSchema.parse({ width: 64, height: 64, channels: 3, fit: 'cover' }),
  split: { ratios: { train: 1 } },
});

async function draw(name: string, strategy: Strategy, of = drawn, extras = {}): Promise<void> {
  const preview = await previewCopies({ folder: of, strategy, copies: COPIES, ...extras });
  const { pictures, preprocessing, columns } = preview;
  const zoom = of === drawn ? 2 : 1;
  const png = await contactSheet(pictures, preprocessing, { columns, zoom });
  await writeFile(join(PICTURES, `augment-${name}.png`), png);
}

/** Augmenters that are shown with the scenes, for drawings do not show what they do. */
const OF_PHOTOGRAPHS = ['flip', 'random-crop', 'colour-jitter'];
for (const { kind, name } of createRegistry().entries)
  if (kind === 'augmenter') {
    const of = OF_PHOTOGRAPHS.includes(name) ? photographed : drawn;
    await draw(name, [{ augmenter: name, probability: 1, parameters: {} }], of);
  }
for (const name of STRATEGY_NAMES)
  if (name !== 'none') await draw(name, name, name === 'photo' ? photographed : drawn);
await draw('extras', 'medium', drawn, { canvasStyle: 0.3, mixup: 0.3 });
await rm(folder, { recursive: true });
