import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RobleError } from '../base/errors.js';
import { configKeys } from './keys.js';
import { type LoadConfigOptions, loadConfig } from './load.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roble-config-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function write(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  return path;
}

const load = (options: Partial<LoadConfigOptions> = {}) =>
  loadConfig({ cwd: folder, env: {}, home: join(folder, 'home'), ...options });

async function failure(options: Partial<LoadConfigOptions> = {}): Promise<RobleError> {
  return load(options).then(
    () => expect.fail('the configuration was accepted'),
    (error: RobleError) => error,
  );
}

describe('precedence', () => {
  it('is default < user file < project file < environment < flag, each with its origin', async () => {
    const user = await write(
      'home/.config/roble/config.yaml',
      'train: { epochs: 1, batchSize: 1, seed: 1, threads: 1 }',
    );
    const project = await write(
      'roble.config.yaml',
      'name: p\ntrain:\n  epochs: 2\n  batchSize: 2\n  seed: 2\n',
    );
    const { config, origins, files } = await load({
      env: { ROBLE_TRAIN_EPOCHS: '3', ROBLE_TRAIN_BATCH_SIZE: '3' },
      overrides: {
        'train.epochs': { value: 4, flag: '--epochs' },
        'train.seed': { value: undefined, flag: '--seed' },
      },
    });
    expect(config.train).toMatchObject({ epochs: 4, batchSize: 3, seed: 2, threads: 1, learningRate: 0.001 });
    expect(files).toEqual([user, project]);
    expect(origins).toMatchObject({
      'train.epochs': { source: 'flag', flag: '--epochs' },
      'train.batchSize': { source: 'environment', variable: 'ROBLE_TRAIN_BATCH_SIZE' },
      'train.seed': { source: 'project', file: project, line: 5 },
      'train.threads': { source: 'user', file: user, line: 1 },
      'train.learningRate': { source: 'default' },
    });
  });

  it('puts the recipe of the chosen preset above the defaults, and below whatever somebody set', async () => {
    await write('home/.config/roble/config.yaml', 'train: { epochs: 3, schedule: { type: constant } }');
    const overrides = { 'model.preset': { value: 'characters', flag: '--preset' } };
    const { config, origins } = await load({ overrides });
    expect(config.train).toMatchObject({ epochs: 3, schedule: { type: 'constant' }, labelSmoothing: 0.1 });
    expect(origins).toMatchObject({
      'train.epochs': { source: 'user' },
      'train.schedule.type': { source: 'user' },
      'train.labelSmoothing': { source: 'preset', preset: 'characters' },
      'train.clipNorm': { source: 'default' },
    });
    expect((await load()).config.train.labelSmoothing).toBe(0);
  });

  it('knows no recipe for layers that are written out in place of the preset', async () => {
    await write('home/.config/roble/config.yaml', 'model: { preset: characters }');
    await write(
      'roble.config.yaml',
      'model: { layers: [{ type: flatten }, { type: dense, units: classes }] }',
    );
    expect((await load()).config.train.labelSmoothing).toBe(0);
  });

  it('gives an origin to every value', async () => {
    const { config, origins } = await load();
    const leaves = (value: object, path = ''): string[] =>
      Object.entries(value).flatMap(([key, inner]) =>
        typeof inner === 'object' && !Array.isArray(inner)
          ? leaves(inner, `${path}${key}.`)
          : [`${path}${key}`],
      );
    expect(Object.keys(origins)).toEqual(leaves(config));
  });

  it('finds the file of the project from a folder inside it, but not beyond its package.json', async () => {
    await write('roble.config.yaml', 'name: outer');
    await mkdir(join(folder, 'a/b'), { recursive: true });
    expect((await load({ cwd: join(folder, 'a/b') })).config.name).toBe('outer');
    await write('a/package.json', '{}');
    expect((await load({ cwd: join(folder, 'a/b') })).config.name).toBe('classifier');
  });

  it('reads JSON, with a $schema key for editors, and warns of a second file', async () => {
    await write('roble.config.json', '{ "$schema": "./roble.schema.json", "name": "json" }');
    expect((await load()).config.name).toBe('json');
    await write('roble.config.yml', 'name: yml');
    const { config, warnings } = await load();
    expect(config.name).toBe('yml');
    expect(warnings.join()).toContain('roble.config.json is ignored');
  });
});

describe('paths', () => {
  it('start at the file that holds them; those of variables and flags at the current folder', async () => {
    const configFile = await write('project/settings.yaml', 'dataset: data\n');
    const { config } = await load({ configFile, env: { ROBLE_RUNS: 'out' } });
    expect(config).toMatchObject({ dataset: join(folder, 'project/data'), runs: join(folder, 'out') });
    expect((await load({ configFile })).config.runs).toBe(join(folder, 'project/runs'));
    const flagged = await load({ configFile, overrides: { dataset: { value: 'mine', flag: '--dataset' } } });
    expect(flagged.config.dataset).toBe(join(folder, 'mine'));
  });
});

describe('choices', () => {
  it('layers replace the default preset, and a preset replaces the layers of a file', async () => {
    await write(
      'roble.config.yaml',
      'model:\n  layers:\n    - type: flatten\n    - { type: dense, units: classes }\n',
    );
    expect((await load()).config.model).toEqual({
      layers: [{ type: 'flatten' }, { type: 'dense', units: 'classes', bias: true }],
    });
    const overridden = await load({
      overrides: { 'model.preset': { value: 'cnn-small', flag: '--preset' } },
    });
    expect(overridden.config.model).toEqual({ preset: 'cnn-small' });
  });

  it('another type of optimizer starts from its own defaults, the same type keeps what was given', async () => {
    await write('roble.config.yaml', 'train: { optimizer: { type: sgd, momentum: 0.5 } }');
    expect((await load()).config.train.optimizer).toEqual({
      type: 'sgd',
      momentum: 0.5,
      nesterov: false,
      weightDecay: 0.0005,
    });
    const env = { ROBLE_TRAIN_OPTIMIZER_TYPE: 'adamw', ROBLE_TRAIN_OPTIMIZER_BETA1: '0.8' };
    expect((await load({ env })).config.train.optimizer).toMatchObject({
      type: 'adamw',
      beta1: 0.8,
      weightDecay: 0.01,
    });
    expect(
      (await load({ env: { ROBLE_TRAIN_OPTIMIZER_NESTEROV: 'true' } })).config.train.optimizer,
    ).toMatchObject({
      momentum: 0.5,
      nesterov: true,
    });
  });
});

describe('problems', () => {
  it('are reported all at once, each with path, origin and suggestion', async () => {
    await write(
      'roble.config.yaml',
      [
        'nmae: x',
        'train:',
        '  epoch: 5',
        '  batchSize: "64"',
        '  optimizer: { type: sdg }',
        'model:',
        '  layers:',
        '    - type: conv',
        '      filter: 3',
        '      filters: 8',
        '    - type: residual',
        '      layers: [{ type: denze }]',
        'image: { channels: 2 }',
      ].join('\n'),
    );
    const error = await failure({
      env: { ROBLE_SERVE_PORT: 'http' },
      overrides: { 'train.seed': { value: -1, flag: '--seed' } },
    });
    expect(error.code).toBe('ROBLE_CONFIG_INVALID');
    const problems = Object.fromEntries(
      (error.details.problems ?? []).map((problem) => [problem.path, problem]),
    );
    const expected = {
      nmae: ['unknown key (roble.config.yaml:1)', 'Did you mean "name"?'],
      'train.epoch': ['unknown key (roble.config.yaml:3)', 'Did you mean "epochs"?'],
      'train.batchSize': [
        'expected a number, received "64" (roble.config.yaml:4)',
        'Remove the quotes around it.',
      ],
      'train.optimizer.type': [
        'expected one of "adamw", "sgd", received "sdg" (roble.config.yaml:5)',
        'Did you mean "sgd"?',
      ],
      'model.layers[0].filter': ['unknown key (roble.config.yaml:9)', 'Did you mean "filters"?'],
      'model.layers[1].layers[0].type': [
        expect.stringContaining('roble.config.yaml:12'),
        'Did you mean "dense"?',
      ],
      'image.channels': ['expected 1 or 3, received 2 (roble.config.yaml:13)', undefined],
      'serve.port': ['expected a number, received "http" (ROBLE_SERVE_PORT)', undefined],
      'train.seed': ['expected a number >= 0, received -1 (--seed)', undefined],
    };
    expect(Object.keys(problems).sort()).toEqual(Object.keys(expected).sort());
    for (const [path, [message, suggestion]] of Object.entries(expected))
      expect([path, problems[path]?.message, problems[path]?.suggestion]).toEqual([
        path,
        message,
        suggestion,
      ]);
  });

  it('of syntax tell line and column', async () => {
    await write('roble.config.yaml', 'train:\n  epochs: [1, 2\nname: x\n');
    const yaml = await failure();
    expect([yaml.code, yaml.exitCode]).toEqual(['ROBLE_CONFIG_SYNTAX', 2]);
    expect(yaml.message).toMatch(/roble\.config\.yaml:3:\d+/);
    const json = await failure({ configFile: await write('x.json', '{\n  "name": x\n}') });
    expect(json.code).toBe('ROBLE_CONFIG_SYNTAX');
    expect(json.message).toMatch(/x\.json:2:11/);
  });

  it('of the encoding, and of a file that no person wrote, are told as well', async () => {
    const cases: [bytes: Buffer | string, message: RegExp][] = [
      [Buffer.from('name: x\n', 'utf16le'), /:1:2: .*UTF-8/],
      [Buffer.from([...Buffer.from('name: é\nruns: '), 0xff, 0x0a]), /:2:7: .*UTF-8/],
      ['#'.repeat(5 << 20), /:1:1: longer than 4 MiB/],
    ];
    for (const [bytes, message] of cases) {
      const configFile = join(folder, 'odd.yaml');
      await writeFile(configFile, bytes);
      const error = await failure({ configFile });
      expect([error.code, error.message]).toEqual(['ROBLE_CONFIG_SYNTAX', expect.stringMatching(message)]);
    }
  });

  it.each([
    ['train: { learningRate: .inf }', 'train.learningRate', 'expected a finite number, received Infinity'],
    ['train: []', 'train', 'expected keys with values, received []'],
    ['serve: { backendOptions: [] }', 'serve.backendOptions', 'expected keys with values, received "***"'],
    ['balance: { target: { A: [1] } }', 'balance.target.A', 'expected a number, received [1]'],
    [
      'balance: { target: [1] }',
      'balance.target',
      'expected a number or text or keys with values, received [1]',
    ],
    [
      'train: { augment: { strategy: [1] } }',
      'train.augment.strategy[0]',
      'expected keys with values, received 1',
    ],
    ['train: { augment: { strategy: { a: 1 } } }', 'train.augment.strategy', 'received {"a":1}'],
  ])('of %s name one expectation and one value, and who gave it', async (text, path, message) => {
    await write('roble.config.yaml', text);
    const [problem, ...others] = (await failure()).details.problems!;
    expect([problem!.path, others]).toEqual([path, []]);
    expect(problem!.message).toContain(message);
    expect(problem!.message).toContain('(roble.config.yaml:1)');
  });

  it('of a variable that should hold JSON tell the place too', async () => {
    const error = await failure({ env: { ROBLE_SERVE_BACKEND_OPTIONS: '{"url": x}' } });
    expect(error.code).toBe('ROBLE_CONFIG_SYNTAX');
    expect(error.message).toContain('ROBLE_SERVE_BACKEND_OPTIONS:1:9: ');
  });

  it('include a file that is no settings, one that does not exist, and a key named __proto__', async () => {
    expect((await failure({ configFile: await write('list.yaml', '- 1') })).code).toBe(
      'ROBLE_CONFIG_INVALID',
    );
    expect((await failure({ configFile: 'missing.yaml' })).code).toBe('ROBLE_FILE_NOT_FOUND');
    const sneaky = await failure({ configFile: await write('p.yaml', '__proto__: { name: x }') });
    expect(sneaky.details.problems?.map(({ path }) => path)).toEqual(['__proto__']);
    // Two files that both have it.
    for (const key of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      const text = `${key}: { a: { b: 1 } }`;
      await write('home/.config/roble/config.yaml', text);
      const twice = await failure({ configFile: await write('p.yaml', text) });
      expect([twice.code, twice.details.problems?.map(({ path }) => path)]).toEqual([
        'ROBLE_CONFIG_INVALID',
        [key],
      ]);
    }
  });

  it('accept an empty file', async () => {
    await write('roble.config.yaml', '# nothing yet\n');
    expect((await load()).config.name).toBe('classifier');
  });

  it('a variable that is nearly the name of a key is a warning; an empty one counts as not set', async () => {
    const { warnings, config } = await load({
      env: { ROBLE_TRAIN_EPOCH: '3', ROBLE_NAME: '', ROBLE_UNRELATED_THING: '1' },
    });
    expect(warnings).toEqual([
      'The environment variable ROBLE_TRAIN_EPOCH sets nothing. Did you mean "ROBLE_TRAIN_EPOCHS"?',
    ]);
    expect(config.name).toBe('classifier');
  });
});

it('leaves the URL of a database, and the word for none, as they are', async () => {
  const urlOf = async (url: string) =>
    (await load({ env: { ROBLE_SERVE_PREDICTIONS_URL: url } })).config.serve.predictions.url;
  expect(await urlOf('postgres://ada:secret@db/roble')).toBe('postgres://ada:secret@db/roble');
  expect(await urlOf('none')).toBe('none');
  expect(await urlOf('log.db')).toBe(join(folder, 'log.db'));
  await expect(urlOf('mysql://db/roble')).rejects.toMatchObject({ code: 'ROBLE_CONFIG_INVALID' });
});

describe('an environment variable with _FILE', () => {
  it('gives what the file holds, as the variable itself would', async () => {
    const secret = await write('secret', 'redis://:pw@cache:6379\n');
    const { config, origins } = await load({ env: { ROBLE_SERVE_CACHE_URL_FILE: secret } });
    expect(config.serve.cache.url).toBe('redis://:pw@cache:6379');
    expect(origins['serve.cache.url']).toMatchObject({ variable: 'ROBLE_SERVE_CACHE_URL_FILE' });
    const epochs = await load({ env: { ROBLE_TRAIN_EPOCHS_FILE: await write('epochs', '7\n') } });
    expect(epochs.config.train.epochs).toBe(7);
  });

  it('is refused for a file that is not there, and beside the variable itself', async () => {
    const missing = load({ env: { ROBLE_NAME_FILE: join(folder, 'missing') } });
    await expect(missing).rejects.toMatchObject({ code: 'ROBLE_CONFIG_INVALID' });
    const twice = load({ env: { ROBLE_NAME: 'a', ROBLE_NAME_FILE: await write('name', 'b') } });
    await expect(twice).rejects.toMatchObject({ code: 'ROBLE_CONFIG_INVALID' });
  });

  it('still sets a key whose own name ends so', async () => {
    const env = { ROBLE_SERVE_TLS_CERT_FILE: 'a.crt', ROBLE_SERVE_TLS_KEY_FILE: 'a.key' };
    expect((await load({ env })).config.serve.tls?.keyFile).toBe(join(folder, 'a.key'));
  });
});

describe('an environment variable of a map', () => {
  it('is read as JSON', async () => {
    const backendOptions = { url: 'http://host', headers: { a: 'b' } };
    const { config } = await load({ env: { ROBLE_SERVE_BACKEND_OPTIONS: JSON.stringify(backendOptions) } });
    expect(config.serve.backendOptions).toEqual(backendOptions);
  });
});

describe('keys', () => {
  it('have one variable each, and cover the whole default configuration', async () => {
    const paths = new Map<string, string>();
    for (const { variable, path } of configKeys())
      expect(paths.set(variable, paths.get(variable) ?? path).get(variable)).toBe(path);
    const { origins } = await load();
    const known = new Set(configKeys().map(({ path }) => path));
    expect(Object.keys(origins).filter((path) => !known.has(path))).toEqual([]);
  });

  it('can each be set to their own default by their variable', async () => {
    const defaults = (await load({})).config;
    for (const { variable, schema, variant } of configKeys()) {
      if (schema.default === undefined || variant) continue;
      const { config } = await load({ env: { [variable]: String(schema.default) } });
      expect(config, variable).toEqual(defaults);
    }
  });
});

describe('the chosen model', () => {
  it('is undefined while nobody chose one, whatever else was set', async () => {
    const overrides = {
      'train.epochs': { value: 3, flag: '--epochs' },
      name: { value: 'x', flag: '--name' },
    };
    expect((await load({ overrides })).chosenModel).toBeUndefined();
  });

  it('is what a flag or a file says, also when that is the default', async () => {
    const overrides = { 'model.preset': { value: 'cnn-v2', flag: '--preset' } };
    expect((await load({ overrides })).chosenModel).toEqual({ preset: 'cnn-v2' });
    const configFile = await write('own.yaml', 'model: { layers: [{ type: flatten }] }\n');
    expect((await load({ configFile })).chosenModel).toEqual({ layers: [{ type: 'flatten' }] });
  });
});
