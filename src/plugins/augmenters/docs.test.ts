import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { STRATEGIES } from '../../core/data/augment/settings.js';
import { PluginRegistry } from '../../core/plugin/registry.js';
import { builtinPlugins } from '../index.js';

const page = await readFile(join(import.meta.dirname, '../../../docs/augmentation.md'), 'utf8');
const registry = new PluginRegistry(builtinPlugins);

it.each(registry.entries.filter(({ kind }) => kind === 'augmenter').map(({ name }) => name))(
  'docs/augmentation.md tells each parameter of %s, with its default',
  async (name) => {
    const { parameters, description } = await registry.load('augmenter', name);
    const section = page.split('\n### ').find((text) => text.startsWith(`\`${name}\``));
    expect(section).toContain(description);
    const { properties = {} } = z.toJSONSchema(parameters, { io: 'input' });
    for (const [key, value] of Object.entries(properties)) {
      const { default: byDefault, description: meaning } = value as {
        default?: unknown;
        description?: string;
      };
      expect(section).toContain(`| \`${key}\` | ${byDefault} | ${meaning} |`);
    }
  },
);

it('docs/augmentation.md tells the probability and parameters of each step of each strategy', () => {
  for (const [name, steps] of Object.entries(STRATEGIES))
    for (const { augmenter, probability, parameters } of steps) {
      const values = Object.entries(parameters).map(([key, value]) => `${key} ${value}`);
      const row = page.split('\n').find((line) => line.startsWith(`| \`${augmenter}\` | `))!;
      const column = ['light', 'medium', 'aggressive', 'photo'].indexOf(name);
      expect(row.split(' | ')[column + 1]!.replace(/ \|$/, '').trim()).toBe(
        `${probability}: ${values.join(', ')}`,
      );
    }
});
