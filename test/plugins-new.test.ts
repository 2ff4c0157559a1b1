/**
 * Packages that "plugins:new" writes, built and tested as their authors would; and with the plugin damaged in every way that
 * somebody may damage it, where their tests have to fail. Their tests run in one process: by themselves each takes seconds.
 */
import { cp, mkdir, readFile, realpath, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../src/core/config/load.js';
import { loadPipeline } from '../src/core/data/augment/pipeline.js';
import { newPlugin } from '../src/core/operations/plugins/new-plugin.js';
import { PLUGIN_KINDS, type PluginKind } from '../src/core/plugin/contracts.js';
import { findPackages, type PackageRequest } from '../src/core/plugin/packages.js';
import type { PluginRegistry } from '../src/core/plugin/registry.js';
import { createRegistry } from '../src/plugins/index.js';
import { temporaryFolder } from './support/temporary-folder.js';

const ROOT = dirname(import.meta.dirname);
const CLI = join(ROOT, 'bin', 'run.js');

/** What the examples of the pages are called. */
const NAMES: Readonly<Record<PluginKind, string>> = {
  augmenter: 'shade',
  'serving-backend': 'plain-backend',
  'training-engine': 'plain-engine',
  reader: 'labelled-list',
  preset: 'two-stages',
};
/** The folder of a package, beside that of a project. */
const folderOf = (kind: PluginKind) => join(root, `roble-${NAMES[kind]}`);
/** The same with the plugin damaged. */
const damagedFolderOf = (kind: PluginKind, i: number) => join(root, `damaged-${kind}-${i}`);

/** What is damaged, how, and what its tests say of it. */
type Damage = readonly [what: string, from: string, to: string, message: RegExp];

const DAMAGES: Readonly<Record<PluginKind, readonly Damage[]>> = {
  augmenter: [
    [
      'random numbers of its own',
      'strength * random.float()',
      'strength * Math.random()',
      /do not give the same bytes/,
    ],
    ['a row left out', 'y < height;', 'y < height - 1;', /leaves a part of its target unwritten/],
    [
      'its source changed',
      'target.data[i] =',
      'data[i] = target.data[i] =',
      /changes the picture that it is given/,
    ],
    [
      'a drawn value that is no number',
      '{ angle, amount }',
      '{ angle, amount: amount / 0 }',
      /drawn values that are no numbers/,
    ],
    ['misspelt parameters taken', 'z.strictObject', 'z.object', /z\.strictObject/],
    ['nothing done', '255 * amount * along', '0', /changes no picture/],
    ['another name', "name: 'shade'", "name: 'mine'", /its package says "shade"/],
  ],
  'serving-backend': [
    ['no softmax', 'softmax(values), row', 'values, row', /are negative|add up to/],
    ['pixels not scaled', ' / 255', '', /differ from the golden ones/],
    [
      'channels last',
      'values[c * height * width + i]',
      'values[i * channels + c]',
      /differ from the golden ones/,
    ],
    ['one picture of a batch', 'row < count', 'row < 1', /add up to 0/],
    [
      'one buffer for all answers',
      'const probabilities = new Float32Array(',
      'const probabilities = (globalThis.all ??= new Float32Array(4096)).subarray(0, ',
      /changes when the next one is computed/,
    ],
    [
      'an error without a code',
      "throw new RobleError('ROBLE_DEVICE_UNAVAILABLE',",
      'throw new Error(',
      /no RobleError/,
    ],
    [
      'an end that fails',
      'async close() { }',
      "async close() { if (this.closed) throw new Error('closed'); this.closed = true; }",
      /second time, throws: closed/,
    ],
  ],
  'training-engine': [
    [
      'no correction of the first moment',
      'first[i] / correction1',
      'first[i]',
      /AdamW.* is not what the engine "onnx" has/,
    ],
    [
      'a gradient through closed units',
      'input[k] > 0 ? value : 0',
      'value',
      /is not what the engine "onnx" has/,
    ],
    [
      'what was dropped not scaled',
      '(value * mask[row * input.length + i]) / (1 - layer.layer.rate)',
      'value * mask[row * input.length + i]',
      /is not what the engine "onnx" has|the loss of the third step/,
    ],
    ['a refused step made', 'if (metrics.applied)', 'if (true)', /not applied changes the state/],
    ['the number of steps lost', 'this.#steps = state.step;', '', /does not go on with the same bits/],
    [
      'frozen layers trained',
      'if (isFrozen(layerOf(name)))',
      'if (false)',
      /the frozen layer "dense1" changes/,
    ],
    [
      'a random start',
      'const flat = new Float32Array(this.#layout.size)',
      'const flat = new Float32Array(this.#layout.size).map(() => 1e-4 * Math.random())',
      /do not give the same bits/,
    ],
    [
      'a step uphill',
      'weights[i] -= learningRate * (way + pull)',
      'weights[i] += learningRate * (way + pull)',
      /the loss does not fall/,
    ],
    [
      'logits as probabilities',
      'probabilities.set(softmax(this.#forward(images, row).at(-1))',
      'probabilities.set((this.#forward(images, row).at(-1))',
      /evaluated and exported throws: The exported model does not answer/,
    ],
  ],
  reader: [
    ['deaf to its signal', 'signal?.throwIfAborted();', '', /more samples after its signal was aborted/],
    [
      'the wanted split not given',
      'const split = wanted ?? (',
      'const split = (',
      /split that its options name/,
    ],
    [
      'a split that is none',
      "word !== '' && !isSplit(word)",
      'false',
      /two samples have the source "3\.png"/,
    ],
    [
      'pictures looked for elsewhere',
      'from: join(path, picture)',
      'from: picture',
      /decode the picture of "1\.png"/,
    ],
    ['any folder recognized', 'isFolder && files.includes(LIST)', 'isFolder', /recognizes an empty folder/],
    [
      'pictures outside of the folder',
      "normalize(picture).startsWith('..')",
      'false',
      /Expected values to be strictly deep-equal|decode/,
    ],
    [
      'another order each time',
      'text.split(/\\r?\\n/).entries()',
      'text.split(/\\r?\\n/).sort(() => Math.random() - 0.5).entries()',
      /same items in the same order|deep-equal/,
    ],
  ],
  preset: [
    ['ten classes', "units: 'classes'", 'units: 10', /2 classes its layers do not fit/],
    ['no way from pictures to a vector', "{ type: 'globalAveragePool' },", '', /needs a vector/],
    ['a misspelt setting', 'epochs: 20', 'epoch: 20', /"train" is not valid/],
    [
      'a window larger than the picture',
      "{ type: 'maxPool' }",
      "{ type: 'maxPool', size: 30 }",
      /28x28x1 .*do not fit/,
    ],
    ['a layer that does not exist', "{ type: 'batchNorm' }", "{ type: 'batchnorm' }", /is not valid/],
    ['no description', /description: '[^']*'/.source, "description: ''", /no "description"/],
  ],
};

interface Outcome {
  readonly type: 'test:pass' | 'test:fail';
  readonly file: string;
  readonly name: string;
  readonly message?: string;
}

/** A reporter of node:test: a line of JSON for each test. */
const REPORTER = `export default async function* (events) {
  for await (const { type, data } of events)
    if (type === 'test:pass' || type === 'test:fail') {
      const { cause, message } = data.details.error ?? {};
      yield JSON.stringify({ type, file: data.file, name: data.name, message: cause?.message ?? message }) + '\\n';
    }
}`;

async function openPlugins(requests: readonly PackageRequest[] | 'off'): Promise<PluginRegistry> {
  const registry = createRegistry();
  if (requests !== 'off') registry.add(await findPackages(requests));
  return registry;
}

let root: string;
let remove: () => Promise<void>;
let outcomes: Outcome[];
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('new-plugin'));
  root = await realpath(root);
  const modules = join(root, 'node_modules');
  await mkdir(join(modules, '@types'), { recursive: true });
  await symlink(dirname(await realpath(join(ROOT, 'dist'))), join(modules, 'roble'));
  await symlink(await realpath(join(ROOT, 'node_modules/@types/node')), join(modules, '@types/node'));
  for (const kind of PLUGIN_KINDS)
    await newPlugin({ name: NAMES[kind], kind, folder: folderOf(kind) }, createRegistry());
  const compiler = join(ROOT, 'node_modules/@typescript/native/bin/tsc');
  const built = await execa(process.execPath, [compiler, '-b', ...PLUGIN_KINDS.map(folderOf)], {
    reject: false,
  });
  expect(built.stdout).toBe('');
  const tests = PLUGIN_KINDS.map((kind) => testIn(folderOf(kind), kind));
  for (const kind of PLUGIN_KINDS)
    for (const [i, damage] of DAMAGES[kind].entries()) {
      const folder = damagedFolderOf(kind, i);
      await cp(folderOf(kind), folder, { recursive: true });
      await damageFile(join(folder, 'dist', `${NAMES[kind]}.js`), damage);
      tests.push(testIn(folder, kind));
    }
  outcomes = await runTests(tests);
});
afterAll(() => remove());

async function damageFile(file: string, [what, from, to]: Damage): Promise<void> {
  const text = await readFile(file, 'utf8');
  const found = text.includes(from) ? from : (new RegExp(from).exec(text)?.[0] ?? '');
  expect(found, `nothing to damage for: ${what}`).not.toBe('');
  await writeFile(
    file,
    text.replaceAll(found, () => to),
  );
}

const testIn = (folder: string, kind: PluginKind) => join(folder, 'dist', `${NAMES[kind]}.test.js`);

async function runTests(files: readonly string[]): Promise<Outcome[]> {
  await writeFile(join(root, 'reporter.mjs'), REPORTER);
  const lines = files.map((file) => `import ${JSON.stringify(pathToFileURL(file).href)};\n`);
  await writeFile(join(root, 'all.mjs'), lines.join(''));
  const { stdout, stderr } = await execa(
    process.execPath,
    ['--test-reporter', './reporter.mjs', '--test-reporter-destination', 'stdout', 'all.mjs'],
    { cwd: root, reject: false },
  );
  expect(stderr).toBe('');
  return stdout.split('\n').map((line) => JSON.parse(line));
}

/** What the tests in a folder say. */
function outcomesOf(folder: string): Outcome[] {
  return outcomes.filter(({ file }) => file.replace(/^file:\/\//, '').startsWith(`${folder}/`));
}

describe.each(PLUGIN_KINDS)('a new %s', (kind) => {
  it('builds, and passes its tests', () => {
    const own = outcomesOf(folderOf(kind));
    expect(own.filter(({ type }) => type === 'test:fail')).toEqual([]);
    expect(own.length).toBeGreaterThanOrEqual(2);
  });

  it.each(DAMAGES[kind].map(([what, , , message], i) => [what, i, message] as const))(
    'fails its tests with %s',
    (_, i, message) => {
      const failed = outcomesOf(damagedFolderOf(kind, i)).filter(({ type }) => type === 'test:fail');
      expect(failed.map((outcome) => outcome.message).join('\n')).toMatch(message);
    },
  );

  it('is the example of its page, whose configuration uses it', async () => {
    const page = await readFile(join(ROOT, `docs/plugins/${kind}.md`), 'utf8');
    const blocks = (language: string) =>
      [...page.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\`\\n`, 'gs'))].map(([, text]) => text!);
    const written = (file: string) => readFile(join(folderOf(kind), 'src', file), 'utf8');
    expect(blocks('ts')).toEqual([
      await written(`${NAMES[kind]}.ts`),
      await written(`${NAMES[kind]}.test.ts`),
    ]);
    const project = join(root, `project-${kind}`);
    await mkdir(project);
    await writeFile(join(project, 'roble.config.yaml'), blocks('yaml')[0]!);
    const { config, registry } = await loadConfig({ cwd: project, env: {}, home: root, openPlugins });
    expect(registry!.setAside).toEqual([]);
    expect(await registry!.load(kind, NAMES[kind])).toMatchObject({ name: NAMES[kind] });
    const { strategy } = config.train.augment;
    // It refuses parameters that the augmenter does not take.
    await loadPipeline(registry!, strategy);
    const chosen: Readonly<Record<PluginKind, unknown>> = {
      augmenter: Array.isArray(strategy) && strategy[0]?.augmenter,
      'serving-backend': config.serve.backend,
      'training-engine': config.train.engine,
      reader: registry!.names('reader')[0],
      preset: config.model.layers?.length === 9 && NAMES.preset,
    };
    expect(chosen[kind]).toBe(NAMES[kind]);
  });

  it('is built and tested with the compiler and types that roble is', async () => {
    const versions = async (file: string) => JSON.parse(await readFile(file, 'utf8')).devDependencies;
    const [own, ours] = [
      await versions(join(folderOf(kind), 'package.json')),
      await versions(join(ROOT, 'package.json')),
    ];
    expect(`npm:typescript@${own.typescript}`).toBe(ours['@typescript/native']);
    expect(own['@types/node']).toBe(ours['@types/node']);
  });
});

describe('roble plugins:new', () => {
  async function roble(...args: string[]) {
    const result = await execa(process.execPath, [CLI, 'plugins:new', ...args], {
      cwd: root,
      env: { PATH: process.env.PATH, HOME: root, NODE_ENV: 'production' },
      extendEnv: false,
      reject: false,
    });
    return { ...result, answer: () => JSON.parse(result.stdout) };
  }

  it('writes a package beside others, with the roble of a folder, and says what to do next', async () => {
    const { stdout, exitCode } = await roble('glow', '--kind', 'augmenter', '--roble', 'node_modules/roble');
    expect([exitCode, stdout]).toEqual([
      0,
      expect.stringContaining('cd roble-glow && npm install && npm test'),
    ]);
    const {
      name,
      devDependencies,
      roble: says,
    } = JSON.parse(await readFile(join(root, 'roble-glow/package.json'), 'utf8'));
    expect(name).toBe('roble-glow');
    expect(devDependencies.roble).toBe('file:../node_modules/roble');
    expect(says.plugins).toEqual([{ kind: 'augmenter', name: 'glow', module: './dist/glow.js' }]);
    expect(await readFile(join(root, 'roble-glow/README.md'), 'utf8')).toContain(
      '- { augmenter: glow, probability: 0.5, parameters: { strength: 0.4 } }',
    );
  });

  it('overwrites nothing', async () => {
    const { answer, exitCode } = await roble('x', '--kind', 'preset', '--out', 'roble-two-stages', '--json');
    expect([exitCode, answer().error.code]).toEqual([2, 'ROBLE_OUTPUT_EXISTS']);
  });

  it.each([
    ['My Plugin', 'preset', {}, /cannot be called "My Plugin"/],
    ['affine', 'augmenter', {}, /a plugin "affine" of kind augmenter already/],
    ['fine', 'preset', { roble: 'node_modules/@types/node' }, /is not that of roble/],
  ] as const)('refuses the name %s of kind %s with %j', async (name, kind, more, message) => {
    const options = {
      name,
      kind,
      folder: join(root, 'refused'),
      ...('roble' in more && { roble: join(root, more.roble) }),
    };
    await expect(newPlugin(options, createRegistry())).rejects.toMatchObject({
      code: 'ROBLE_USAGE',
      message: expect.stringMatching(message),
    });
  });

  it('refuses a kind that does not exist', async () => {
    const { answer, exitCode } = await roble('x', '--kind', 'augmentor', '--json');
    expect([exitCode, answer().error.code]).toEqual([2, 'ROBLE_USAGE']);
    expect(answer().error.message).toContain('augmenter');
  });
});
