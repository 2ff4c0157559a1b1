import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../test/support/temporary-folder.js';
import { tinyBundle } from '../../../test/support/tiny-bundle.js';
import { sha256 } from '../base/storage/durable.js';
import { type BundleManifest, layersOfBundle, openBundle, readWeights } from './bundle.js';

let root: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('bundle'));
});
afterAll(() => remove());

/** Changes `model.json` as a program would that writes bundles. */
async function editManifest(folder: string, edit: (manifest: BundleManifest) => void): Promise<void> {
  const path = join(folder, 'model.json');
  const manifest = JSON.parse(await readFile(path, 'utf8'));
  edit(manifest);
  const text = JSON.stringify(manifest);
  await writeFile(path, text);
  await writeFile(`${path}.sha256`, `${sha256(text)}  model.json\n`);
}

describe('a bundle', () => {
  it('gives back its weights', async () => {
    const { 'dense1.weight': weight, ...others } = await readWeights(
      await openBundle(await tinyBundle(join(root, 'whole'))),
    );
    expect(others).toEqual({});
    expect(weight!.shape).toEqual([64, 4]);
    // The upper left pixel speaks for the first class, the lower right one for the last.
    expect([...weight!.data.slice(0, 4), ...weight!.data.slice(-4)]).toEqual([0.25, 0, 0, 0, 0, 0, 0, 0.25]);
  });

  it('is refused when a byte of its weights was changed', async () => {
    const folder = await tinyBundle(join(root, 'changed'));
    const path = join(folder, 'weights.safetensors');
    const bytes = await readFile(path);
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(path, bytes);
    await expect(openBundle(folder)).rejects.toMatchObject({
      code: 'ROBLE_BUNDLE_INVALID',
      message: expect.stringContaining('weights.safetensors was changed'),
    });
  });

  it('of an older version opens, and says that it has no weights when it is asked for them', async () => {
    const folder = await tinyBundle(join(root, 'older'));
    await rm(join(folder, 'weights.safetensors'));
    await editManifest(folder, ({ files }) => delete files['weights.safetensors']);
    const bundle = await openBundle(folder);
    await expect(readWeights(bundle)).rejects.toMatchObject({
      code: 'ROBLE_BUNDLE_INVALID',
      message: expect.stringContaining('no weights'),
    });
  });

  it('with layers that are not known says which', async () => {
    const folder = await tinyBundle(join(root, 'unknown'));
    await editManifest(folder, ({ architecture }) => architecture.push({ type: 'attention' }));
    await expect(layersOfBundle(folder)).rejects.toMatchObject({
      code: 'ROBLE_BUNDLE_INVALID',
      details: { problems: [expect.objectContaining({ path: expect.stringContaining('2') })] },
    });
  });
});
