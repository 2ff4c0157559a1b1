/** Takes the picture of docs/serving.md anew: a model that is trained here, and the page with an answer of it and what that stands on. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { preprocessingSchema } from '../src/core/image/settings.js';
import { serveSchema } from '../src/core/serving/settings.js';
import { createServer, synthesizeDataset, trainModel } from '../src/index.js';
import { drawWithMouse, openPage, type Strokes, startBrowser } from '../test/support/browser.js';

const PICTURE = join(dirname(import.meta.dirname), 'docs', 'pictures', 'serve-page.png');

/** A five in two strokes: neck and belly, and the roof. */
const FIVE: Strokes = [
  [[0.4, 0.23], [0.37, 0.48], ...arc([0.48, 0.6], [0.2, 0.19], -1.2, 2.6)],
  [
    [0.4, 0.23],
    [0.66, 0.21],
  ],
];

/** Points of an ellipse, clockwise between two angles, from 0 at its right. */
function arc(
  [x, y]: readonly [number, number],
  [width, height]: readonly [number, number],
  from: number,
  to: number,
): (readonly [number, number])[] {
  return Array.from({ length: 25 }, (_, i) => {
    const angle = from + ((to - from) * i) / 24;
    return [x + width * Math.cos(angle), y + height * Math.sin(angle)];
  });
}

const folder = await mkdtemp(join(tmpdir(), 'roble-page-picture-'));
const dataset = join(folder, 'dataset');
const run = join(folder, 'run');
await synthesizeDataset({
  characters: [...'0123456789'],
  perClass: 300,
  out: dataset,
  preprocessing: preprocessingSchema.parse({}),
});
await trainModel({
  name: 'digits',
  dataset,
  run,
  model: { preset: 'cnn-small' },
  train: { epochs: 8, learningRate: 0.004 },
});
const predictions = serveSchema.shape.predictions.parse({ url: join(folder, 'predictions.db') });
const server = await createServer({ model: join(run, 'model'), port: 0, workers: 2, predictions });
const browser = await startBrowser();
const { page } = await openPage(browser, server.url, {
  viewport: { width: 1180, height: 880 },
  deviceScaleFactor: 1.5,
});
await drawWithMouse(page, FIVE);
await page.locator('#result').waitFor();
await page.click('#why-show');
await page.locator('#heat').waitFor();
// The statistics come to know of it.
await page.locator('#stat-requests', { hasText: '1' }).waitFor();
await page.screenshot({ path: PICTURE, fullPage: true });
await browser.close();
await server.close();
await rm(folder, { recursive: true });
