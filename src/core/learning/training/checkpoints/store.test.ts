import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkpointAt } from '../../../../../test/support/checkpoint.js';
import { temporaryFolder } from '../../../../../test/support/temporary-folder.js';
import { CheckpointStore, newestOf, type PassedOver } from './store.js';

let folder: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ path: folder, remove } = await temporaryFolder('checkpoints'));
});
afterEach(() => remove());

const names = async () => (await readdir(folder)).sort();
const all = { accept: () => true, onPassedOver: () => {} };

describe('CheckpointStore', () => {
  it('keeps the newest anchors', async () => {
    const store = new CheckpointStore(folder, 2);
    for (const step of [1, 2, 3, 10]) await store.save(checkpointAt(step));
    expect(await names()).toEqual(['step-000000003.safetensors', 'step-000000010.safetensors']);
    expect((await store.newest(all))?.checkpoint).toEqual(checkpointAt(10));
  });

  it('keeps the same anchors whatever was saved in between, and of that the newest', async () => {
    const store = new CheckpointStore(folder, 3);
    for (const step of [10, 20, 30]) await store.save(checkpointAt(step));
    for (const step of [33, 35]) await store.save(checkpointAt(step, false));
    expect(await names()).toEqual([
      'step-000000010.safetensors',
      'step-000000020.safetensors',
      'step-000000030.safetensors',
      'step-000000035-interim.safetensors',
    ]);
    const anchor = await store.newest({ ...all, accept: ({ progress }) => progress.anchor });
    expect(anchor?.checkpoint.progress.step).toBe(30);
  });

  it('passes over what cannot be read for other reasons too', async () => {
    const store = new CheckpointStore(folder, 2);
    await store.save(checkpointAt(1));
    // Reading it fails, as on a bad sector.
    await mkdir(join(folder, 'step-000000002.safetensors'));
    expect((await store.newest(all))?.checkpoint).toEqual(checkpointAt(1));
  });

  it('passes over what is damaged, sets it aside, and no longer counts it', async () => {
    const store = new CheckpointStore(folder, 3);
    for (const step of [1, 2, 3]) await store.save(checkpointAt(step));
    const [, second, third] = (await store.list()) as [string, string, string];
    const bytes = await readFile(third);
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(third, bytes);
    await writeFile(second, (await readFile(second)).subarray(0, 100));
    const passedOver: PassedOver[] = [];
    const found = await store.newest({ ...all, onPassedOver: (file) => passedOver.push(file) });
    expect(found?.checkpoint).toEqual(checkpointAt(1));
    expect(passedOver.map(({ path }) => path)).toEqual([third, second]);
    expect(await names()).toEqual([
      'step-000000001.safetensors',
      `${basename(second)}.damaged`,
      `${basename(third)}.damaged`,
    ]);
  });

  it('has none in a folder that does not exist', async () => {
    expect(await new CheckpointStore(join(folder, 'none'), 1).newest(all)).toBe(undefined);
  });
});

it('newestOf takes the newest of several folders', async () => {
  const stores = ['a', 'b'].map((name) => new CheckpointStore(join(folder, name), 2));
  await stores[0]!.save(checkpointAt(7));
  await stores[1]!.save(checkpointAt(9));
  await stores[0]!.save(checkpointAt(8));
  expect((await newestOf(stores, all.accept)).checkpoint?.progress.step).toBe(9);
});
