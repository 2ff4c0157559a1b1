/** Packages of plugins from outside, as strangers use them: packed, installed, named in a configuration. */
import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RobleError } from '../src/core/base/errors.js';
import { sha256 } from '../src/core/base/storage/durable.js';
import { RUN_FILES } from '../src/core/learning/history/record.js';
import { BUNDLE_FILES } from '../src/core/model/bundle.js';
import type { PluginList } from '../src/core/plugin/list-plugins.js';
import { findPackages } from '../src/core/plugin/packages.js';
import { tryPlugin } from '../src/core/plugin/try-plugin.js';
import { augmenter, BROKEN, writeBroken, writeCommonJs } from './support/broken-plugins.js';
import { encodePngFile } from './support/png-file.js';
import { temporaryFolder } from './support/temporary-folder.js';

const REPOSITORY = join(import.meta.dirname, '..');
const CLI = join(REPOSITORY, 'bin/run.js');
const EXAMPLES = ['roble-paper', 'roble-coco', 'roble-process'];

let root: string;
let project: string;
let remove: () => Promise<void>;
/** Where packages for all projects of the machine lie. */
let machine: Readonly<Record<string, string>>;

beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('plugins'));
  project = join(root, 'project');
  machine = { XDG_DATA_HOME: join(root, 'machine') };
  for (const name of EXAMPLES) {
    const { stdout } = await execa('npm', [
      'pack',
      '--silent',
      '--pack-destination',
      root,
      join(REPOSITORY, 'examples', name),
    ]);
    await unpack(join(root, stdout.trim()), join(project, 'node_modules', name));
  }
  // What npm would install with it.
  const { resolve: find } = createRequire(import.meta.url);
  await symlink(dirname(dirname(find('sharp'))), join(project, 'node_modules/sharp'));
  await writeFile(join(project, 'package.json'), '{ "private": true }');
  await writeCoco(join(project, 'objects'));
});
afterAll(() => (process.env.KEEP ? undefined : remove()));

async function unpack(archive: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await execa('tar', ['-xzf', archive, '--strip-components=1', '-C', folder]);
}

/** Pictures of 40 x 30 pixels, each with a bar and a square. */
async function writeCoco(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const images = Array.from({ length: 24 }, (_, id) => ({
    id,
    file_name: `${id}.png`,
    width: 40,
    height: 30,
  }));
  const annotations = images.flatMap(({ id }) => [
    { id: 2 * id, image_id: id, category_id: 5, bbox: [2, 2 + (id % 6), 12, 20] },
    { id: 2 * id + 1, image_id: id, category_id: 9, bbox: [20, 2 + (id % 6), 16, 20] },
  ]);
  annotations.push({ id: 99, image_id: 0, category_id: 9, bbox: [100, 100, 5, 5] });
  const categories = [
    { id: 5, name: 'bar' },
    { id: 9, name: 'square' },
  ];
  await writeFile(join(folder, 'instances_all.json'), JSON.stringify({ images, annotations, categories }));
  for (const { id } of images) {
    const pixels = Uint8Array.from({ length: 40 * 30 }, (_, i) => {
      const [x, y] = [i % 40, Math.floor(i / 40) - (id % 6)];
      const isBar = x >= 6 && x < 8 + (id % 3) && y > 4 && y < 20;
      const isSquare = x >= 23 && x < 33 && y > 6 && y < 16 + (id % 4);
      return isBar || isSquare ? 255 - id : id % 7;
    });
    await writeFile(
      join(folder, `${id}.png`),
      encodePngFile({ width: 40, height: 30, depth: 8, colorType: 0 }, pixels),
    );
  }
}

async function configure(text: string): Promise<void> {
  await writeFile(join(project, 'roble.config.yaml'), text);
}

interface Outcome<T> {
  readonly exitCode: number | undefined;
  readonly result: T;
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly problems?: readonly { message: string }[];
  };
  readonly warnings: readonly string[];
}

async function roble<T = Record<string, unknown>>(words: readonly string[], env = {}): Promise<Outcome<T>> {
  const { stdout, exitCode } = await execa(process.execPath, [CLI, ...words, '--json'], {
    cwd: project,
    reject: false,
    env: { ...machine, ...env },
  });
  return { exitCode, ...JSON.parse(stdout) };
}

const config = (plugins: string) => `
plugins: ${plugins}
image: { width: 12, height: 12 }
dataset: balanced
model: { preset: cnn-small }
balance:
  sources: [{ dataset: objects-data }]
  target: 30
  augment: { strategy: [{ augmenter: ruled-lines, parameters: { spacing: 0.3 } }] }
train:
  epochs: 2
  batchSize: 16
  augment: { strategy: [{ augmenter: ruled-lines, probability: 0.5 }] }
serve:
  backend: process
  backendOptions: { command: [node, ${join(REPOSITORY, 'test/support/process-program.js')}] }
`;

describe('the examples in a project', () => {
  const paper = { kind: 'augmenter', name: 'ruled-lines', package: 'roble-paper', version: '1.0.0' };

  beforeAll(() => configure(config(`[${EXAMPLES.join(', ')}]`)));

  it('are listed, with where they come from and that they load', async () => {
    const { exitCode, result } = await roble<PluginList>(['plugins']);
    expect(exitCode).toBe(0);
    expect(
      result.packages.map(({ name, from, plugins }) => [name, from, plugins.map(({ fault }) => fault)]),
    ).toEqual(EXAMPLES.map((name) => [name, 'project', [undefined]]));
  });

  it('read, augment, train, explain and answer', async () => {
    const imported = await roble<{ count: number; skipped: unknown[] }>([
      'data:import',
      'objects',
      '--out',
      'objects-data',
    ]);
    expect(imported.result).toMatchObject({ count: 48, classes: ['bar', 'square'] });
    expect(imported.result.skipped).toHaveLength(1);
    expect(await recipeOf('objects-data')).toMatchObject({ plugins: [{ kind: 'reader', name: 'coco' }] });

    expect((await roble(['data:balance', '--out', 'balanced'])).exitCode).toBe(0);
    expect(await recipeOf('balanced')).toMatchObject({ plugins: [paper] });
    expect((await roble(['data:replay', 'balanced', '45', '59'])).exitCode).toBe(0);

    // A run that is killed ends with the bits of one that is not, the plugin in both.
    await killAfterCheckpoint(['train', '--epochs', '30', '--run', 'killed']);
    expect((await roble(['train:resume', 'killed'])).exitCode).toBe(0);
    const trained = await roble<{ run: string; bundle: string }>(['train', '--epochs', '30']);
    const weights = (bundle: string) => readFile(resolve(project, bundle, BUNDLE_FILES.weights));
    expect(sha256(await weights('killed/model'))).toBe(sha256(await weights(trained.result.bundle)));
    expect(JSON.parse(await readFile(join(trained.result.run, 'run.json'), 'utf8')).plugins).toEqual([paper]);
    const bundle = JSON.parse(await readFile(join(trained.result.bundle, 'model.json'), 'utf8'));
    expect(bundle.training.plugins).toEqual([paper]);

    const predicted = await roble<{ predictions: unknown[] }>(['predict', 'objects/0.png']);
    expect(predicted.exitCode).toBe(0);
    expect(predicted.result.predictions).toHaveLength(1);
  });

  it('of another version neither replay nor resume', async () => {
    const file = join(project, 'node_modules/roble-paper/package.json');
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('"1.0.0"', '"1.1.0"'));
    try {
      const said =
        'the augmenter "ruled-lines" was that of roble-paper 1.0.0, would become roble-paper 1.1.0';
      for (const [words, code] of [
        [['data:replay', 'balanced', '45'], 'ROBLE_REPLAY_DIFFERS'],
        [['train:resume'], 'ROBLE_RESUME_REFUSED'],
      ] as const) {
        const { error } = await roble(words);
        expect(error).toMatchObject({ code, problems: [{ message: said }] });
      }
    } finally {
      await writeFile(file, text);
    }
  });

  it('are refused where the configuration pins other files or another version, and left out where plugins are off', async () => {
    const { result } = await roble<PluginList>(['plugins']);
    const { integrity } = result.packages[0]!;
    await configure(`plugins: [{ name: roble-paper, version: ^1.0.0, integrity: "${integrity}" }]`);
    await writeFile(join(project, 'node_modules/roble-paper/more.js'), '');
    const changed = await roble<PluginList>(['plugins']);
    expect(changed.exitCode).toBe(5);
    const pinned = {
      name: 'roble-paper',
      version: '^1.0.0',
      integrity: integrity!,
      from: 'project',
      folder: project,
    } as const;
    expect((await findPackages([pinned])).packages).toEqual([]);
    await rm(join(project, 'node_modules/roble-paper/more.js'));
    expect((await findPackages([pinned])).setAside).toEqual([]);
    expect(changed.result.setAside[0]?.reason).toContain('not those that the configuration pins');
    const other = { name: 'roble-paper', version: '^2.0.0', from: 'project', folder: project } as const;
    expect((await findPackages([other])).setAside[0]?.reason).toContain('asks for version ^2.0.0');
    const off = await roble<PluginList>(['plugins'], { ROBLE_PLUGINS: 'off' });
    expect(off.result).toMatchObject({ packages: [], setAside: [] });
  });
});

/** Kills a run, as nothing can hear it, when it has written a checkpoint. */
async function killAfterCheckpoint(words: readonly string[]): Promise<void> {
  const child = execa(process.execPath, [CLI, ...words], { cwd: project, reject: false, env: machine });
  const checkpoints = join(project, words.at(-1)!, RUN_FILES.checkpoints);
  const written = () =>
    readdir(checkpoints).then(
      ({ length }) => length,
      () => 0,
    );
  await expect.poll(written, { timeout: 60_000 }).toBeGreaterThan(0);
  child.kill('SIGKILL');
  expect((await child).signal).toBe('SIGKILL');
}

async function recipeOf(folder: string): Promise<unknown> {
  return JSON.parse(await readFile(join(project, folder, 'dataset.json'), 'utf8')).recipe;
}

describe('broken plugins', () => {
  const names = Object.keys(BROKEN);

  beforeAll(async () => {
    for (const name of names) await writeBroken(join(project, 'node_modules', name), name);
    await writeCommonJs(join(project, 'node_modules/old-style'));
  });

  it('are all named with what is wrong, by "plugins"', async () => {
    const aside = names.filter((name) => BROKEN[name]!.isSetAside);
    await configure(`plugins: [${aside.join(', ')}, missing-package, old-style]`);
    const { exitCode, result } = await roble<PluginList>(['plugins']);
    expect(exitCode).toBe(5);
    for (const name of aside) {
      const { reason, nextSteps = [] } = result.setAside.find((each) => each.package === name)!;
      expect([reason, ...nextSteps].join(' '), name).toMatch(BROKEN[name]!.says);
    }
    expect(result.setAside.find((each) => each.package === 'missing-package')?.reason).toContain('not there');
    // The old kind of modules is no fault.
    expect(result.packages.map(({ name, plugins }) => [name, plugins[0]?.fault])).toEqual([
      ['old-style', undefined],
    ]);
  });

  const used = names.filter((name) => !BROKEN[name]!.isSetAside);
  it.each(used)('%s is not let in', async (name) => {
    const { packages } = await findPackages([{ name, from: 'project', folder: project }]);
    // The limit of those that nothing else ends is not waited for.
    const error: RobleError = await tryPlugin(
      packages[0]!.plugins[0]!,
      BROKEN[name]!.neverEnds ? 1000 : undefined,
    ).then(
      () => expect.fail('it was let in'),
      (thrown) => thrown,
    );
    expect(error.code).toBe('ROBLE_PLUGIN_INVALID');
    expect(error.message).toMatch(BROKEN[name]!.says);
    expect(error.message).toContain(`${name} 1.0.0`);
    expect(error.message).not.toContain('\n');
  });

  it('fail what needs them', async () => {
    await configure('plugins: [throws-null]\ndataset: objects-data');
    const { exitCode, error } = await roble([
      'data:preview',
      '--augmenter',
      'throws-null',
      '--out',
      'null.png',
    ]);
    expect(exitCode).toBe(5);
    expect(error).toMatchObject({
      code: 'ROBLE_PLUGIN_INVALID',
      message: expect.stringMatching(/"throws-null" of throws-null 1\.0\.0 cannot be used: it threw: null/),
    });
  });

  it("are in nobody else's way", async () => {
    for (const name of names) {
      await mkdir(join(project, 'many', name), { recursive: true });
      await cp(join(project, 'node_modules', name), join(project, 'many', name), { recursive: true });
    }
    await configure(
      `plugins: [${names.map((name) => `./many/${name}`).join(', ')}]\nimage: { width: 12, height: 12 }`,
    );
    const { exitCode, result, warnings } = await roble<{ predictions: unknown[] }>([
      'predict',
      'objects/1.png',
    ]);
    expect(exitCode).toBe(0);
    expect(result.predictions).toHaveLength(1);
    // The others are in use, though nothing uses them.
    const aside = names.filter((name) => BROKEN[name]!.isSetAside);
    expect(warnings.filter((text) => text.startsWith('A plugin is set aside'))).toHaveLength(aside.length);
  });
});

describe('what a plugin does outside of any call', () => {
  /** Well-behaved where it is tried; then, in pictures of the size of the project, it does something later. */
  const LATER = {
    rejects: 'setTimeout(() => Promise.reject(new Error("rejected later")), 1)',
    exits: 'setTimeout(() => process.exit(0), 1)',
  };
  const guests = 'Plugins from outside in use: strays 1.0.0.';

  async function configureStrays(what: keyof typeof LATER): Promise<void> {
    const folder = join(project, 'strays');
    await writeBroken(folder, 'strays', {
      says: /./,
      code: augmenter(`target.data.set(source.data); if (source.width === 12) ${LATER[what]}; return {};`),
    });
    await configure(
      config('[./strays]').replaceAll('ruled-lines', 'strays').replace(', parameters: { spacing: 0.3 }', ''),
    );
  }

  it.each(['rejects', 'exits'] as const)('(%s) names it, in a thread of a command', async (what) => {
    await configureStrays(what);
    const { exitCode, error } = await roble(['data:balance', '--out', `stray-${what}`]);
    expect([exitCode, error.code]).toEqual([3, 'ROBLE_WORKER_DIED']);
    expect(error.message).toContain(guests);
    if (what === 'rejects') expect(error.message).toContain('rejected later');
  });

  it.each(['rejects', 'exits'] as const)('(%s) names it, in the process of a command', async (what) => {
    await configureStrays(what);
    const { exitCode, error } = await roble([
      'data:preview',
      '--augmenter',
      'strays',
      '--out',
      `${what}.png`,
    ]);
    expect([exitCode, error.code]).toEqual([1, 'ROBLE_INTERNAL']);
    expect(error.message).toContain(guests);
  });
});

describe('plugins of the machine', () => {
  it('are installed from an archive, used without a word in the configuration, and removed', async () => {
    await configure('dataset: objects-data');
    const archive = join(root, 'roble-paper-1.0.0.tgz');
    const installed = await roble<{ packages: { name: string }[] }>(['plugins:install', archive]);
    expect(installed.result.packages.map(({ name }) => name)).toEqual(['roble-paper']);
    const preview = ['data:preview', '--augmenter', 'ruled-lines', '--out', 'lines.png'];
    expect((await roble(preview)).exitCode).toBe(0);
    expect((await roble(['plugins:uninstall', 'roble-paper'])).exitCode).toBe(0);
    expect((await roble(preview)).error).toMatchObject({ code: 'ROBLE_PLUGIN_UNKNOWN' });
  });

  it('print nothing into the data of a command, and need no sound list', async () => {
    const folder = join(root, 'talker');
    await mkdir(folder, { recursive: true });
    const plugins = [{ kind: 'preset', name: 'talker', module: './talker.js' }];
    const manifest = { name: 'talker', version: '1.0.0', type: 'module', roble: { apiVersion: 1, plugins } };
    await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
    const layers = `[{ type: 'flatten' }, { type: 'dense', units: 'classes' }]`;
    await writeFile(
      join(folder, 'talker.js'),
      `console.log('Hello'); export const plugin = { name: 'talker', description: 'Talks.', layers: ${layers} };`,
    );
    await configure(`plugins: [${folder}]\nmodel: { preset: talker }`);
    expect((await roble(['config:show'])).exitCode).toBe(0);

    const list = join(machine.XDG_DATA_HOME!, 'roble/package.json');
    await mkdir(dirname(list), { recursive: true });
    await writeFile(list, '{ "oclif": { "plugins": [null] } }');
    const { exitCode, result } = await roble<PluginList>(['plugins']);
    await rm(list);
    expect([exitCode, result.setAside.length]).toEqual([5, 1]);
  });

  it('add commands, and no hook that could stop others', async () => {
    await configure('dataset: objects-data');
    const folder = join(root, 'greeter');
    await mkdir(join(folder, 'commands'), { recursive: true });
    await mkdir(join(folder, 'node_modules/@oclif'), { recursive: true });
    const { resolve: find } = createRequire(import.meta.url);
    const core = dirname(find('@oclif/core/package.json'));
    await symlink(core, join(folder, 'node_modules/@oclif/core'));
    const oclif = { commands: './commands', hooks: { init: './hook.js' } };
    const manifest = { name: 'greeter', version: '1.0.0', type: 'module', oclif };
    await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
    await writeFile(
      join(folder, 'hook.js'),
      'export default function () { this.error("no more commands"); }',
    );
    const command = { id: 'greet', args: {}, flags: {}, isESM: true, relativePath: ['commands', 'greet.js'] };
    const listing = { version: '1.0.0', commands: { greet: { ...command, enableJsonFlag: true } } };
    await writeFile(join(folder, 'oclif.manifest.json'), JSON.stringify(listing));
    await writeFile(
      join(folder, 'commands/greet.js'),
      `import { Command } from '@oclif/core';
      export default class Greet extends Command {
        static enableJsonFlag = true;
        async run() { return { ok: true, result: 'Good day' }; }
      }`,
    );
    expect((await roble(['plugins:link', folder])).exitCode).toBe(0);
    expect((await roble(['greet'])).result).toBe('Good day');
    const listed = await roble<PluginList & { commands: unknown }>(['plugins']);
    expect(listed.exitCode).toBe(0);
    expect(listed.result.commands).toEqual({ greeter: ['greet'] });

    // Without that list its commands would have to run to be found.
    await rm(join(folder, 'oclif.manifest.json'));
    await writeFile(join(folder, 'commands/bad.js'), 'console.log("here"); process.exit(7);');
    expect((await roble(['plugins'])).exitCode).toBe(0);
    expect((await roble(['plugins:uninstall', 'greeter'])).exitCode).toBe(0);

    // In a project it would do nothing, and is not passed over in silence.
    await configure(`plugins: [${folder}]`);
    const { result } = await roble<PluginList>(['plugins']);
    expect(result.setAside[0]?.reason).toContain('nothing but commands');
  });

  it('say why they cannot be installed', async () => {
    const { exitCode, error } = await roble(['plugins:uninstall', 'no-such-plugin']);
    expect(exitCode).toBe(3);
    expect(error.message).toContain('no-such-plugin is not installed');
  });
});

describe('a preset from outside', () => {
  it('gives its layers and its recipe', async () => {
    await configure('plugins: [old-style]\nmodel: { preset: old-style }\ntrain: { batchSize: 8 }');
    const { result } = await roble<{
      config: { model: unknown; train: { epochs: number; batchSize: number } };
    }>(['config:show']);
    expect(result.config.train).toMatchObject({ epochs: 3, batchSize: 8 });
    expect(result.config.model).toMatchObject({ layers: [{ type: 'flatten' }, { type: 'dense' }] });
    const trained = await roble<{ run: string }>(['train', '--dataset', 'objects-data', '--epochs', '1']);
    const run = JSON.parse(await readFile(join(trained.result.run, 'run.json'), 'utf8'));
    expect(run.layers).toMatchObject([{ type: 'flatten' }, { type: 'dense' }]);
  });
});
