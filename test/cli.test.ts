import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa, type Options } from 'execa';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ERRORS } from '../src/core/base/errors.js';
import { loadConfig } from '../src/core/config/load.js';
import { configSchema } from '../src/core/config/schema.js';
import { createFixtureCli } from './support/fixture-cli.js';

const root = dirname(import.meta.dirname);
let fixture: Awaited<ReturnType<typeof createFixtureCli>>;
let folder: string;

beforeAll(async () => {
  fixture = await createFixtureCli();
});
afterAll(() => fixture.remove());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roble-cli-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A clean environment: neither the settings nor the CI of whoever runs the tests. */
const env = () => ({ PATH: process.env.PATH, HOME: folder, NODE_ENV: 'production' });

function start(script: string, args: readonly string[], options: Options = {}) {
  return execa(process.execPath, [script, ...args], {
    cwd: folder,
    env: env(),
    extendEnv: false,
    reject: false,
    ...options,
  });
}
const roble = (...args: string[]) => start(join(root, 'bin/run.js'), args);
const fixed = (...args: string[]) => start(fixture.run, args);

/** Parses standard output, so that a stray character on it fails. */
function envelope({ stdout }: { stdout?: unknown }) {
  return JSON.parse(String(stdout)) as {
    schemaVersion: number;
    ok: boolean;
    result?: unknown;
    error?: { code: string; message: string; nextSteps?: string[]; problems?: { path: string }[] };
    warnings: string[];
  };
}

describe('errors', () => {
  // One code for each exit code; the mapping of all codes is the table itself.
  const samples = Object.entries(ERRORS).filter(
    ([, { exitCode }], index, all) => all.findIndex(([, other]) => other.exitCode === exitCode) === index,
  );

  it.each(samples)('%s ends with its exit code, with and without --json', async (code, { exitCode }) => {
    const [people, script] = await Promise.all([fixed('fail', code), fixed('fail', code, '--json')]);
    expect([people.exitCode, script.exitCode]).toEqual([exitCode, exitCode]);
    expect(people.stdout).toBe('');
    for (const part of [
      'what happened',
      'received: 1',
      'expected: two',
      'a.b: is wrong',
      '-> Do this.',
      `code: ${code}`,
    ])
      expect(people.stderr).toContain(part);
    expect(envelope(script)).toMatchObject({
      schemaVersion: 1,
      ok: false,
      error: { code, message: 'what happened', received: 1, expected: 'two', exitCode },
      warnings: ['a warning'],
    });
  });

  it('bugs say how to report them, and show their stack only when asked', async () => {
    const [short, long, json] = await Promise.all([
      fixed('fail', 'BUG'),
      fixed('fail', 'BUG', '--verbose'),
      fixed('fail', 'BUG', '--json'),
    ]);
    expect([short.exitCode, long.exitCode, json.exitCode]).toEqual([1, 1, 1]);
    expect(short.stderr).toContain('report it');
    expect(short.stderr).not.toContain('    at ');
    expect(long.stderr).toContain('fail.js');
    expect(envelope(json).error?.code).toBe('ROBLE_INTERNAL');
  });

  it('a result can come with another exit code', async () => {
    const [people, script] = await Promise.all([fixed('code'), fixed('code', '--json')]);
    expect([people.exitCode, people.stdout, script.exitCode]).toEqual([3, 'not fine', 3]);
    expect(envelope(script)).toMatchObject({ ok: true, result: { fine: false } });
  });
});

describe('usage', () => {
  it('an unknown flag', async () => {
    const [people, script] = await Promise.all([
      roble('config:show', '--orign'),
      roble('config:show', '--orign', '--json'),
    ]);
    expect([people.exitCode, script.exitCode]).toEqual([2, 2]);
    expect(people.stderr).toContain('Did you mean "--origin"?');
    expect(envelope(script).error).toMatchObject({ code: 'ROBLE_USAGE' });
  });

  it.each([['config:shwo'], ['config shwo']])('an unknown command: %s', async (words) => {
    const [people, script] = await Promise.all([
      roble(...words.split(' ')),
      roble(...words.split(' '), '--json'),
    ]);
    expect([people.exitCode, people.stdout, script.exitCode]).toEqual([2, '', 2]);
    expect(people.stderr).toContain('Did you mean "config:show"?');
    expect(envelope(script).error?.code).toBe('ROBLE_USAGE');
  });

  it('topics are written with a colon, and a space works too', async () => {
    const [colon, space, help] = await Promise.all([
      roble('config:show'),
      roble('config', 'show'),
      roble('--help'),
    ]);
    expect(colon.exitCode).toBe(0);
    expect(space.stdout).toBe(colon.stdout);
    expect(help.stdout).toContain('config');
  });
});

describe('signals', () => {
  /** Sends signals, each as soon as the command has written the word before it. */
  async function interrupt(args: string[], signals: [after: string, signal: NodeJS.Signals][]) {
    const running = start(fixture.run, ['wait', ...args]);
    const queue = [...signals];
    let text = '';
    running.stderr?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (queue[0] && text.includes(queue[0][0])) running.kill(queue.shift()?.[1]);
    });
    return running;
  }

  it.each([
    ['SIGINT', 130, 'plain'],
    ['SIGTERM', 143, 'plain'],
    ['SIGINT', 130, 'tty'],
  ] as const)('%s ends the work at a safe point with %i (%s)', async (signal, code, reporter) => {
    const returned = await interrupt(['--reporter', reporter], [['ready', signal]]);
    expect([returned.exitCode, returned.stdout]).toEqual([code, 'saved']);
    const thrown = await interrupt(['throw', '--json', '--reporter', reporter], [['ready', signal]]);
    expect(thrown.exitCode).toBe(code);
    expect(envelope(thrown).error?.code).toBe('ROBLE_INTERRUPTED');
  });

  it('a second signal ends the process at once', async () => {
    const { exitCode } = await interrupt(
      ['never'],
      [
        ['ready', 'SIGINT'],
        ['aborted', 'SIGINT'],
      ],
    );
    expect(exitCode).toBe(130);
  });
});

describe('output', () => {
  it('is the same whatever NODE_ENV is', async () => {
    const { stdout } = await roble('config:show');
    for (const NODE_ENV of ['development', 'test', '']) {
      const other = await start(join(root, 'bin/run.js'), ['config:show'], { env: { ...env(), NODE_ENV } });
      expect(other, NODE_ENV).toMatchObject({ exitCode: 0, stdout, stderr: '' });
    }
  });

  it('has no escape codes in a pipe, nor under NO_COLOR', async () => {
    const results = await Promise.all([
      fixed('fail', 'ROBLE_USAGE'),
      start(fixture.run, ['fail', 'ROBLE_USAGE', '--json'], { env: { ...env(), NO_COLOR: '1' } }),
      start(join(root, 'bin/run.js'), ['config:show', '--json'], { env: { ...env(), FORCE_COLOR: '1' } }),
    ]);
    for (const { stdout, stderr } of results) expect(`${stdout}${stderr}`).not.toContain('\u001b');
  });

  it.each(['long', 'noisy'])('a reader that closes the pipe early is no crash (%s)', async (command) => {
    const script = `{ "$0" "$1" ${command} 2>&1; echo $? > code; } | head -n 1`;
    const { exitCode } = await execa('sh', ['-c', script, process.execPath, fixture.run], {
      cwd: folder,
      reject: false,
    });
    expect([exitCode, (await readFile(join(folder, 'code'), 'utf8')).trim()]).toEqual([0, '0']);
  });
});

describe('config', () => {
  it('problems are reported all at once', async () => {
    await writeFile(
      join(folder, 'roble.config.yaml'),
      'nmae: x\ntrain:\n  epochs: many\n  optimizer: { type: sdg }\n',
    );
    const [people, script] = await Promise.all([
      roble('config:validate'),
      roble('config:validate', '--json'),
    ]);
    expect([people.exitCode, script.exitCode]).toEqual([2, 2]);
    expect(
      envelope(script)
        .error?.problems?.map(({ path }) => path)
        .sort(),
    ).toEqual(['nmae', 'train.epochs', 'train.optimizer.type']);
    expect(people.stderr).toContain('Did you mean "name"?');
    expect(people.stderr).toContain('roble.config.yaml:3');
  });

  it('validate checks the preset, and one file alone', async () => {
    await writeFile(join(folder, 'roble.config.yaml'), 'name: [broken\n');
    await writeFile(join(folder, 'other.yaml'), 'model: { preset: cnn-v3 }\n');
    const [broken, other] = await Promise.all([
      roble('config:validate', '--json'),
      roble('config:validate', 'other.yaml', '--json'),
    ]);
    expect([broken.exitCode, envelope(broken).error?.code]).toEqual([2, 'ROBLE_CONFIG_SYNTAX']);
    expect([other.exitCode, envelope(other).error?.code]).toEqual([2, 'ROBLE_MODEL_INVALID']);
  });

  it('show --origin tells where each value comes from', async () => {
    await writeFile(join(folder, 'roble.config.yaml'), 'train:\n  epochs: 3\n');
    const url = 'postgres://ada:s3cret@db/roble';
    const options = {
      env: { ...env(), ROBLE_SERVE_PORT: '9000', ROBLE_SERVE_PROT: '1', ROBLE_SERVE_PREDICTIONS_URL: url },
    };
    const people = await start(join(root, 'bin/run.js'), ['config:show', '--origin'], options);
    expect(people.stdout).toContain('epochs: 3 # roble.config.yaml:2\n');
    expect(people.stdout).toContain('port: 9000 # ROBLE_SERVE_PORT\n');
    expect(people.stdout).toContain('batchSize: 64 # default\n');
    expect(people.stderr).toContain('ROBLE_SERVE_PROT');
    const script = envelope(
      await start(join(root, 'bin/run.js'), ['config:show', '--origin', '--json'], options),
    );
    expect(script.result).toMatchObject({
      config: { train: { epochs: 3 } },
      origins: { 'serve.port': { source: 'environment' } },
    });
    expect(script.warnings).toHaveLength(1);
    expect(people.stdout).toContain('url: postgres://ada:***@db/roble # ROBLE_SERVE_PREDICTIONS_URL\n');
    expect(JSON.stringify([people, script])).not.toContain('s3cret');
  });
});

describe('secrets', () => {
  const TOKEN = 'Bearer t0ken-of-triton';
  const options = { url: 'http://ada:s3cret@triton', model: 'm', headers: { authorization: TOKEN } };

  it.each([[[]], [['--json']], [['--origin']], [['--origin', '--json']]])(
    'are hidden by config:show %s as they are declared',
    async (words) => {
      await writeFile(
        join(folder, 'roble.config.yaml'),
        JSON.stringify({
          serve: { backend: 'oip', backendOptions: options, cache: { url: 'redis://:s3cret@c' } },
        }),
      );
      const { stdout, exitCode } = await roble('config:show', ...words);
      expect(exitCode).toBe(0);
      expect(stdout).not.toMatch(/s3cret|t0ken/);
      for (const shown of ['http://ada:***@triton', 'redis://:***@c', '"***"'])
        expect(stdout).toContain(shown);
    },
  );

  it.each([
    ['an address that is not allowed', { predictions: { url: 'mysql://ada:s3cret@db/r' } }],
    ['a password that should be encoded', { predictions: { url: 'postgres://ada:s3c#s3cret@db/r' } }],
    ['an address in place of a group', { cache: 'redis://:s3cret@c' }],
    ['an address under another key', { cache: { ulr: 'redis://:s3cret@c' } }],
    ['options in place of a map', { backendOptions: 's3cret' }],
  ])('are hidden by errors: %s', async (_, serve) => {
    await writeFile(join(folder, 'roble.config.yaml'), JSON.stringify({ serve }));
    for (const words of [['--json'], ['--verbose']]) {
      const { stdout, stderr, exitCode } = await roble('config:validate', ...words);
      expect(exitCode).toBe(2);
      expect(`${stdout}${stderr}`).not.toContain('s3cret');
    }
  });

  it.each([
    ['predictions:export', '--from', 'postgres://ada:s3cret@127.0.0.1:1/r'],
    ['data:import', '--from-feedback', 'mysql://ada:s3cret@db/r', '--out', 'out'],
    ['data:import', '--from-feedback', 'postgres://ada:s3c#s3cret@db/r', '--out', 'out'],
    ['predict', 'a.png', '--url', 'ftp://ada:s3cret@host'],
    ['kpi:report', '--prometheus', 'ftp://ada:s3cret@host'],
  ])('are hidden by what a command says of an address: %s %s %s', async (...words) => {
    const { stdout, stderr, exitCode } = await roble(...words, '--verbose');
    expect(exitCode).toBeGreaterThan(0);
    expect(stderr).not.toContain('ROBLE_INTERNAL');
    expect(`${stdout}${stderr}`).not.toContain('s3cret');
  });
});

describe('init', () => {
  it('writes a file that gives exactly the defaults and the answers', async () => {
    const { exitCode } = await roble(
      'init',
      '--yes',
      '--name',
      'letters',
      '--width',
      '32',
      '--batch-size',
      '16',
    );
    expect(exitCode).toBe(0);
    const text = await readFile(join(folder, 'roble.config.yaml'), 'utf8');
    expect(text).toMatch(/^# yaml-language-server: \$schema=\S+roble\.schema\.json\n/);
    const { config } = await loadConfig({ cwd: folder, env: {} });
    const paths = { dataset: join(folder, 'data/dataset'), runs: join(folder, 'runs') };
    const serve = { predictions: { url: join(folder, '.roble/predictions.db') } };
    expect(config).toEqual(
      configSchema.parse({
        name: 'letters',
        image: { width: 32 },
        train: { batchSize: 16 },
        serve,
        ...paths,
      }),
    );
  });

  it('does not overwrite without --force, and writes nothing with --dry-run', async () => {
    const dry = await roble('init', '--yes', '--dry-run');
    expect(dry.stdout).toContain('epochs: 10');
    await writeFile(join(folder, 'roble.config.yaml'), 'name: mine\n');
    const refused = await roble('init', '--yes', '--json');
    expect([refused.exitCode, envelope(refused).error?.code]).toEqual([2, 'ROBLE_CONFIG_EXISTS']);
    expect(await readFile(join(folder, 'roble.config.yaml'), 'utf8')).toBe('name: mine\n');
    expect((await roble('init', '--yes', '--force')).exitCode).toBe(0);
    expect(await readFile(join(folder, 'roble.config.yaml'), 'utf8')).toContain('epochs: 10');
  });

  it('writes a nightly workflow for the data set of the configuration, and does not overwrite it', async () => {
    const file = join(folder, '.github/workflows/roble-nightly-data.yaml');
    await writeFile(join(folder, 'roble.config.yaml'), 'dataset: data/"letters"\n');
    expect((await roble('init', '--nightly')).exitCode).toBe(0);
    const { env } = parse(await readFile(file, 'utf8'));
    expect(env.SOURCE).toBe('data/"letters"');
    expect(await readFile(join(folder, 'roble.config.yaml'), 'utf8')).toBe('dataset: data/"letters"\n');
    await writeFile(file, 'mine');
    const refused = await roble('init', '--nightly', '--json');
    expect([refused.exitCode, envelope(refused).error?.code]).toEqual([2, 'ROBLE_CONFIG_EXISTS']);
    expect(await readFile(file, 'utf8')).toBe('mine');
    expect((await roble('init', '--nightly', '--width', '8')).exitCode).toBe(2);
  });

  it('writes a workflow that retrains the model of the configuration', async () => {
    const file = join(folder, '.github/workflows/roble-retrain.yaml');
    await writeFile(join(folder, 'roble.config.yaml'), 'name: digits\ndataset: data/digits\n');
    const { exitCode, stdout } = await roble('init', '--retrain');
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining('"kpis"')]);
    const { on, env, jobs } = parse(await readFile(file, 'utf8'));
    expect(on.push.paths).toEqual(['data/digits/**']);
    expect([env.SOURCE, jobs.deliver.env.MODEL]).toEqual(['data/digits', 'digits']);
    expect((await roble('init', '--retrain')).exitCode).toBe(2);
    expect((await roble('init', '--retrain', '--nightly')).exitCode).toBe(2);
  });

  it('names the flags of missing answers when there is no terminal', async () => {
    const { exitCode, stderr } = await roble('init', '--name', 'x');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('--dataset');
    expect(stderr).not.toContain('--name');
  });

  it('refuses answers that no command would accept', async () => {
    const channels = await roble('init', '--yes', '--channels', '2', '--json');
    expect(envelope(channels).error?.problems?.map(({ path }) => path)).toEqual(['image.channels']);
    const preset = await roble('init', '--yes', '--preset', 'cnn', '--json');
    expect(envelope(preset).error?.code).toBe('ROBLE_MODEL_INVALID');
  });
});

describe('reference pages', () => {
  it('every error code is in docs/errors.md', async () => {
    const page = await readFile(join(root, 'docs/errors.md'), 'utf8');
    expect(Object.keys(ERRORS).filter((code) => !page.includes(`\`${code}\``))).toEqual([]);
  });
});
