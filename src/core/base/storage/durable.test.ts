import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { temporaryFolder } from '../../../../test/support/temporary-folder.js';
import { createFolder } from './durable.js';

let root: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  root = await temporaryFolder('durable');
});
afterEach(() => root.remove());

const refuse = () => Promise.reject(new Error('refused'));

it('a folder that cannot be filled leaves none of the folders above it that were made for it', async () => {
  await mkdir(join(root.path, 'own'));
  await expect(createFolder(join(root.path, 'own/a/b/set'), refuse)).rejects.toThrow('refused');
  expect(await readdir(root.path, { recursive: true })).toEqual(['own']);
});

it('a folder that cannot be filled leaves what others have put beside it meanwhile', async () => {
  const fill = async () => {
    await writeFile(join(root.path, 'a/other'), '');
    return refuse();
  };
  await expect(createFolder(join(root.path, 'a/b/set'), fill)).rejects.toThrow('refused');
  expect((await readdir(root.path, { recursive: true })).sort()).toEqual(['a', 'a/other']);
});
