import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../../test/support/temporary-folder.js';
import { PluginRegistry } from '../../plugin/registry.js';
import { readSource } from './read-source.js';

let root: string;
let remove: () => Promise<void>;

beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('outside-reader'));
  await mkdir(join(root, 'source/one'), { recursive: true });
});
afterAll(() => remove());

async function registryWith(name: string, body: string): Promise<PluginRegistry> {
  const file = join(root, `${name}.mjs`);
  await writeFile(file, `export const plugin = { name: '${name}', description: 'Reads.', ${body} };`);
  const module = pathToFileURL(file).href;
  return new PluginRegistry([{ name, kind: 'reader', apiVersion: 1, module }]);
}

async function read(registry: PluginRegistry, format: string, signal?: AbortSignal) {
  const items = [];
  const options = { maxPixels: 1000, signal };
  const warnings: string[] = [];
  const context = { registry, warn: (message: string) => warnings.push(message) };
  for await (const item of readSource(join(root, 'source'), format, options, context)) items.push(item);
  return { items, warnings };
}

describe('a reader of a plugin', () => {
  it.each([
    ['throws-at-once', 'read() { throw new Error("no luck"); }', /throws-at-once" of .* failed: no luck/],
    ['throws-later', 'async *read() { throw new Error("no luck"); }', /failed: no luck/],
    ['gives-a-number', 'async *read() { yield 1; }', /no sample/],
    [
      'gives-no-pixels',
      'async *read() { yield { source: "a", label: "b", picture: { kind: "pixels" } }; }',
      /no sample/,
    ],
    [
      'gives-no-split',
      'async *read() { yield { source: "a", label: "b", split: "val", picture: { kind: "encoded", from: "a.png" } }; }',
      /no sample/,
    ],
  ])('that %s is named', async (name, body, message) => {
    await expect(read(await registryWith(name, body), name)).rejects.toMatchObject({
      code: 'ROBLE_PLUGIN_INVALID',
      message: expect.stringMatching(message),
    });
  });

  it('that gives a sample without an error has no error', async () => {
    const sample =
      '{ source: "a", label: "b", error: undefined, picture: { kind: "encoded", from: "a.png" } }';
    const { items } = await read(
      await registryWith('careful', `async *read() { yield ${sample}; }`),
      'careful',
    );
    expect(items).toMatchObject([{ label: 'b' }]);
  });

  it('that never gives a sample is left by an abort', async () => {
    const registry = await registryWith('silent', 'async *read() { await new Promise(() => {}); }');
    const controller = new AbortController();
    const reading = read(registry, 'silent', controller.signal);
    setImmediate(() => controller.abort(new Error('enough')));
    await expect(reading).rejects.toThrow('enough');
  });

  it('that fails when it is asked about a source is passed by, with a word', async () => {
    const registry = await registryWith(
      'grumpy',
      'recognizes() { throw new Error("ask another"); }, async *read() {}',
    );
    const { items, warnings } = await read(registry, 'auto');
    expect(items.filter((item) => 'picture' in item)).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining('could not say whether it reads')]);
  });
});
