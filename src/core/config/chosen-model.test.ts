import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { temporaryFolder } from '../../../test/support/temporary-folder.js';
import { chosenModel } from './chosen-model.js';
import { loadConfig } from './load.js';

let cwd: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: cwd, remove } = await temporaryFolder('chosen-model'));
});
afterAll(() => remove());

it('is undefined while nobody chose a model, whatever else was set', async () => {
  const overrides = { 'train.epochs': { value: 3, flag: '--epochs' }, name: { value: 'x', flag: '--name' } };
  expect(chosenModel(await loadConfig({ cwd, env: {}, overrides }))).toBeUndefined();
});

it('is what a flag or a file says, also when that is the default', async () => {
  const overrides = { 'model.preset': { value: 'cnn-v2', flag: '--preset' } };
  expect(chosenModel(await loadConfig({ cwd, env: {}, overrides }))).toEqual({ preset: 'cnn-v2' });
  const configFile = join(cwd, 'own.yaml');
  await writeFile(configFile, 'model: { layers: [{ type: flatten }] }\n');
  expect(chosenModel(await loadConfig({ cwd, env: {}, configFile }))).toEqual({
    layers: [{ type: 'flatten' }],
  });
});
