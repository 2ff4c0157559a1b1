/** The packages under examples/, copied to where a stranger has them, pass the checks for authors of plugins. */
import { cp, mkdir, realpath, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { assertAugmenter, assertPackage, assertReader, assertServingBackend } from '../src/testing/index.js';
import { temporaryFolder } from './support/temporary-folder.js';

const ROOT = dirname(import.meta.dirname);

let root: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('examples'));
  await mkdir(join(root, 'node_modules'));
  await symlink(dirname(await realpath(join(ROOT, 'dist'))), join(root, 'node_modules/roble'));
  await symlink(await realpath(join(ROOT, 'node_modules/sharp')), join(root, 'node_modules/sharp'));
  await cp(join(ROOT, 'examples'), root, { recursive: true });
});
afterAll(() => remove());

/** The plugin of a module of an example, whose package is what it says. */
async function pluginOf(name: string, module: string) {
  expect((await assertPackage(join(root, name))).name).toBe(name);
  const { plugin } = await import(pathToFileURL(join(root, name, module)).href);
  return plugin;
}

it('roble-paper draws lines on paper, dark and light', async () => {
  const plugin = await pluginOf('roble-paper', 'ruled-lines.js');
  await assertAugmenter(plugin, { parameters: [{ background: 255, strength: 1, grain: 0.2 }] });
});

it('roble-process lets a program compute', async () => {
  const plugin = await pluginOf('roble-process', 'process-backend.js');
  const program = join(import.meta.dirname, 'support/process-program.js');
  await assertServingBackend(plugin, { options: { command: [process.execPath, program] } });
});

it('roble-coco reads objects, and no picture from outside where it may not', async () => {
  const plugin = await pluginOf('roble-coco', 'coco.js');
  const source = join(root, 'objects');
  for (const folder of ['annotations', 'images']) await mkdir(join(source, folder), { recursive: true });
  const create = { width: 40, height: 30, channels: 3, background: '#334455' } as const;
  for (const file of ['objects/images/1.png', 'objects/images/2.png', 'outside.png'])
    await sharp({ create }).png().toFile(join(root, file));
  const names = ['1.png', '2.png', '../../outside.png'];
  const annotations = {
    images: names.map((name, i) => ({ id: i + 1, file_name: name })),
    categories: ['cat', 'dog'].map((name, i) => ({ id: 10 + i, name })),
    annotations: [
      { id: 1, image_id: 1, category_id: 10, bbox: [1, 1, 10, 10] },
      { id: 2, image_id: 1, category_id: 11, bbox: [5, 5, 20, 10] },
      { id: 3, image_id: 2, category_id: 11, bbox: [30, 20, 90, 90] },
      { id: 4, image_id: 2, category_id: 11, bbox: [500, 5, 20, 10] },
      { id: 5, image_id: 3, category_id: 10, bbox: [1, 1, 10, 10] },
    ],
  };
  await writeFile(join(source, 'annotations/instances_train.json'), JSON.stringify(annotations));
  const { samples, bad, classes } = await assertReader(plugin, source, { options: { confined: true } });
  expect(classes).toEqual(['cat', 'dog']);
  expect(samples.map(({ label, group, split }) => [label, group, split])).toEqual([
    ['cat', 'images/1.png', 'train'],
    ['dog', 'images/1.png', 'train'],
    ['dog', 'images/2.png', 'train'],
  ]);
  expect(bad.map(({ source, error }) => [source.replace(/.*#/, ''), error.code])).toEqual([
    ['4', 'ROBLE_IMAGE_UNREADABLE'],
    ['5', 'ROBLE_FILE_NOT_FOUND'],
  ]);
});
