import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { assertPackage, assertReader } from 'roble/testing';
import { plugin } from './<%= it.name %>.js';

/** A grey picture of 4x4 pixels. */
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAQAAAAECAAAAACMmsGiAAAAHElEQVR42mNgENGwYbAJSKlgqOhZsIVhy4k7HwAyFAeBUeHytwAAAABJRU5ErkJggg==';
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), '<%= it.name %>-'));
  for (const name of ['1.png', '2.png', '3.png']) await writeFile(join(folder, name), PNG, 'base64');
  const lines = ['1.png\tcat\ttrain', '2.png\tdog\ttest', '3.png\tcat', 'lost', '3.png\tcat\tdev', '../1.png\tcat'];
  await writeFile(join(folder, 'labels.tsv'), `${lines.join('\n')}\n`);
});
after(() => rm(folder, { recursive: true }));

test('the package says what it adds', async () => {
  await assertPackage(new URL('..', import.meta.url));
});

test('it does what roble asks of a reader, and gives what is in the list', async () => {
  const { samples, bad } = await assertReader(plugin, folder);
  assert.deepEqual(
    samples.map(({ source, label, split }) => [source, label, split]),
    [
      ['1.png', 'cat', 'train'],
      ['2.png', 'dog', 'test'],
      ['3.png', 'cat', undefined],
    ],
  );
  assert.deepEqual(
    bad.map(({ source }) => source),
    ['labels.tsv:4', 'labels.tsv:5', 'labels.tsv:6'],
  );
});
