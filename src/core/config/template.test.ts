import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { recipeOf } from '../learning/presets.js';
import { loadConfig } from './load.js';
import { configSchema } from './schema.js';
import { renderConfigFile } from './template.js';

it.each(['cnn-small', 'characters'])(
  'the written file gives the answers, and what %s takes for all else',
  async (preset) => {
    const folder = await mkdtemp(join(tmpdir(), 'roble-template-'));
    try {
      const content = await renderConfigFile(
        {
          name: 'odd: "name" # {{x}}',
          dataset: 'my data',
          runs: 'out',
          'image.width': 33,
          'image.height': 44,
          'image.channels': 3,
          'image.invert': true,
          'model.preset': preset,
          'train.epochs': 7,
          'train.batchSize': 96,
          'serve.port': 0,
        },
        './roble.schema.json',
      );
      expect(content.split('\n')[0]).toBe('# yaml-language-server: $schema=./roble.schema.json');
      await writeFile(join(folder, 'roble.config.yaml'), content);
      const { config } = await loadConfig({ cwd: folder, env: {} });
      expect(config).toEqual(
        configSchema.parse({
          name: 'odd: "name" # {{x}}',
          dataset: join(folder, 'my data'),
          runs: join(folder, 'out'),
          // Paper is light where ink is dark.
          image: { width: 33, height: 44, channels: 3, invert: true, background: '#ffffff' },
          model: { preset },
          train: { ...recipeOf(preset), epochs: 7, batchSize: 96 },
          serve: { port: 0, predictions: { url: join(folder, '.roble/predictions.db') } },
        }),
      );
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);

it('the written file holds what pictures suggest besides, and without them says nothing of backbones', async () => {
  const values = {
    ...{
      name: 'cats',
      dataset: 'data',
      runs: 'runs',
      'image.width': 224,
      'image.height': 224,
      'image.channels': 3,
    },
    ...{
      'image.invert': false,
      'model.preset': 'resnet-small',
      'train.epochs': 5,
      'train.batchSize': 32,
      'serve.port': 0,
    },
  };
  const suggested = { fit: 'cover', background: '#ffffff', strategy: 'photo', backbone: true } as const;
  const content = await renderConfigFile(values, './roble.schema.json', suggested);
  const { image, train } = configSchema.parse(parse(content));
  expect([image.fit, image.background, train.augment.strategy]).toEqual(['cover', '#ffffff', 'photo']);
  expect(content).toContain('backbone:');
  expect(await renderConfigFile(values, './roble.schema.json')).not.toContain('backbone: ');
});
