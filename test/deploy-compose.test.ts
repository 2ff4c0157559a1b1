import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { appendFile, chmod, cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { list } from 'tar';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { ProgressEvent } from '../src/core/base/context.js';
import { loadConfig } from '../src/core/config/load.js';
import {
  checkStack,
  type LibraryContext,
  type MadeStack,
  type MakeStackOptions,
  makeSecrets,
  makeStack,
  RobleError,
} from '../src/index.js';
import { tinyBundle } from './support/tiny-bundle.js';

const CLI = new URL('../bin/run.js', import.meta.url).pathname;
let root: string;
let bundle: string;
let project: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'roble-deploy-'));
  bundle = await tinyBundle(join(root, 'bundle'));
});
afterAll(() => rm(root, { recursive: true }));
beforeEach(async () => {
  project = await mkdtemp(join(root, 'project-'));
  await writeFile(
    join(project, 'roble.config.yaml'),
    [
      'name: Ünïcode letters!',
      'serve:',
      '  workers: 3',
      '  port: 1234',
      '  maxBodyBytes: 5000000',
      '  requestTimeoutMs: 12000',
      '  shutdownTimeoutMs: 25000',
      '  cache: { url: "redis://:pw@elsewhere" }',
      '  access: { cors: ["https://shop.example.com"] }',
      '',
    ].join('\n'),
  );
});

interface Answer {
  readonly code: number;
  readonly stderr: string;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the command answers.
  readonly json: any;
}

async function roble(...words: string[]): Promise<Answer> {
  const run = promisify(execFile)(process.execPath, [CLI, ...words, '--json'], { cwd: project });
  return run.then(
    ({ stdout, stderr }) => ({ code: 0, stderr, json: JSON.parse(stdout) }),
    ({ code, stdout, stderr }) => ({ code, stderr, json: JSON.parse(stdout) }),
  );
}

/** What the command does after it has read its words. */
async function make(
  model = bundle,
  choices = {},
  more: Partial<MakeStackOptions> = {},
  context: LibraryContext = {},
): Promise<MadeStack> {
  return makeStack(
    {
      project,
      folder: join(project, 'deploy'),
      loaded: await loadConfig({ cwd: project, env: {} }),
      choices,
      bundle: model,
      dryRun: false,
      replace: () => false,
      ...more,
    },
    context,
  );
}

const compose = (...words: string[]) => roble('deploy:compose', '--model', bundle, ...words);
const file = (name: string, folder = 'deploy') => readFile(join(project, folder, name), 'utf8');
const states = ({ files }: Pick<MadeStack, 'files'>): Record<string, string> =>
  Object.fromEntries(files.map(({ path, state }) => [path, state]));

describe('deploy:compose', () => {
  it('writes no secret into a file that many see, nor into what it would change, and tells which', async () => {
    const backendOptions = {
      url: 'http://triton',
      model: 'm',
      headers: { authorization: 'Bearer s3cret-token' },
    };
    const config = {
      serve: { backend: 'oip', backendOptions, tracing: { url: 'http://ada:s3cret@collector' } },
    };
    await writeFile(join(project, 'roble.config.yaml'), JSON.stringify(config));
    const warnings: string[] = [];
    const report = (event: ProgressEvent) => void (event.type === 'warning' && warnings.push(event.message));
    await make(bundle, {}, {}, { reporter: { report } });
    expect(warnings).toEqual([
      expect.stringMatching(
        /^serve\.backendOptions\.headers\.authorization .* ROBLE_SERVE_BACKEND_OPTIONS_FILE/,
      ),
      expect.stringMatching(/^serve\.tracing\.url .* ROBLE_SERVE_TRACING_URL_FILE/),
    ]);
    const written = await file('roble.config.yaml');
    expect(written).not.toContain('s3cret');
    expect(parse(written).serve.backendOptions).toMatchObject({ url: 'http://triton', model: 'm' });
    await appendFile(join(project, 'deploy/roble.config.yaml'), '# Bearer s3cret-token\n');
    const dry = await compose('--dry-run');
    expect(dry.json.warnings).toEqual(warnings);
    expect(JSON.stringify(dry.json)).toContain('# ***');
    expect(`${JSON.stringify(dry.json)}${dry.stderr}`).not.toContain('s3cret');
  });

  it('takes over what the project says of serving, and the places of the containers', async () => {
    expect((await compose()).code).toBe(0);
    const { name, serve } = parse(await file('roble.config.yaml'));
    expect([name, serve.workers, serve.port, serve.host]).toEqual(['Ünïcode letters!', 3, 8080, '0.0.0.0']);
    expect(serve.cache).toBeUndefined();
    expect(serve.access).toMatchObject({
      cors: ['https://shop.example.com'],
      keysFile: '/run/keys/keys.json',
    });
    const nginx = await file('nginx/nginx.conf');
    expect(nginx).toContain('client_max_body_size 5000000;');
    expect(nginx).toContain('proxy_read_timeout 17s;');
    const { name: stack, services } = parse(await file('docker-compose.yml'), { merge: true });
    expect([stack, services['api-1'].stop_grace_period]).toEqual(['unicode-letters', '35s']);
    expect(await readdir(join(project, 'deploy/models/unicode-letters'))).toEqual(['1']);
    // No address with a password of the developer's machine gets in.
    for (const name of ['docker-compose.yml', 'roble.config.yaml', 'README.md'])
      expect(await file(name)).not.toContain('elsewhere');
  });

  it('makes as many APIs as it is told, in all places', async () => {
    await make(bundle, { replicas: 4 });
    for (const name of [
      'docker-compose.yml',
      'nginx/nginx.conf',
      'prometheus/prometheus.yml',
      'scripts/restart.sh',
    ])
      expect([name, (await file(name)).includes('api-4')]).toEqual([name, true]);
  });

  it('gives the same bytes again, and does nothing then', async () => {
    await make();
    const before = await file('roble.tgz');
    const again = await make();
    expect(new Set(Object.values(states(again)))).toEqual(new Set(['unchanged']));
    expect(again.model).toEqual({ version: 'unicode-letters/1', isNew: false });
    await rm(join(project, 'deploy/roble.tgz'));
    await make();
    expect(await file('roble.tgz')).toBe(before);
  });

  it('keeps what somebody changed and says how it differs, or keeps it beside the new one', async () => {
    await make();
    await appendFile(join(project, 'deploy/Makefile'), '# mine\n');
    const kept = await make(bundle, { rateLimit: 7 });
    expect(states(kept)).toMatchObject({ Makefile: 'kept', 'nginx/nginx.conf': 'updated' });
    expect(await file('nginx/nginx.conf')).toContain('rate=7r/s');
    expect(await file('Makefile')).toContain('# mine');
    expect(kept.files.find(({ path }) => path === 'Makefile')!.diff).toContain('-# mine');
    const words = ['--rate-limit', '7', '--replicas', '3', '--domain', 'letters.example.com'];
    const forced = (await compose(...words, '--force')).json.result;
    expect(states(forced).Makefile).toBe('replaced');
    expect(await file('Makefile')).not.toContain('# mine');
    expect(await file('Makefile.before')).toContain('# mine');
    const nginx = await file('nginx/nginx.conf');
    for (const part of ['rate=7r/s', 'server api-3:8080', 'server_name letters.example.com'])
      expect(nginx).toContain(part);
  });

  it('keeps what was chosen before until it is chosen otherwise', async () => {
    const chosen = { replicas: 4, domain: 'letters.example.com', cpus: 3, memory: '2G', bake: true };
    await make(bundle, chosen);
    const { choices } = await make(bundle, { rateLimit: 7 });
    expect(choices).toEqual({ ...chosen, rateLimit: 7, workflow: true });
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [CLI, 'deploy:compose', '--model', bundle],
      {
        cwd: project,
      },
    );
    expect(stdout).toContain(
      'As before: --replicas 4 --domain letters.example.com --rate-limit 7 --cpus 3 --memory 2G --bake',
    );
    expect(stdout).not.toMatch(/^(new|updated|kept|replaced) /m);
    await makeSecrets({ folder: join(project, 'deploy'), rotate: false });
    const certificate = new X509Certificate(await file('secrets/tls/tls.crt'));
    expect(certificate.checkHost('letters.example.com')).toBeTruthy();
  });

  it.each([
    [0o022, ['secrets', 'access', 'files']],
    [0o027, ['secrets', 'access', 'files']],
    // A program that can run under the strictest one can do so under the others.
    [0o077, ['nginx', 'redis', 'postgres', 'secrets', 'access', 'files']],
  ] as const)('gives all to its readers and no more, under the umask %i', async (umask, tried) => {
    const before = process.umask(umask);
    try {
      await make();
      await makeSecrets({ folder: join(project, 'deploy'), rotate: false });
      const { checks } = await checkStack(join(project, 'deploy'), {}, tried);
      expect(checks.flatMap(({ findings }) => findings)).toEqual([]);
    } finally {
      process.umask(before);
    }
    const mode = async (name: string) => (await stat(join(project, 'deploy', name))).mode & 0o777;
    for (const [name, expected] of [
      ['nginx', 0o755],
      ['grafana/provisioning/datasources/prometheus.yml', 0o644],
      ['scripts/backup.sh', 0o755],
      ['models/unicode-letters/1', 0o755],
      ['models/unicode-letters/1/model.onnx', 0o644],
      ['metrics', 0o755],
      ['backups', 0o700],
      ['secrets', 0o700],
      ['secrets/tls', 0o755],
      ['secrets/postgres_password', 0o644],
      ['secrets/predictions_url', 0o600],
      ['keys/keys.json', 0o600],
      ['.env', 0o600],
    ] as const)
      expect([name, (await mode(name)).toString(8)]).toEqual([name, expected.toString(8)]);
  });

  it('mends the modes of what it wrote', async () => {
    await make();
    const nginx = join(project, 'deploy/nginx');
    await chmod(join(nginx, 'nginx.conf'), 0o600);
    await chmod(nginx, 0o700);
    expect(new Set(Object.values(states(await make())))).toEqual(new Set(['unchanged']));
    expect((await stat(join(nginx, 'nginx.conf'))).mode & 0o777).toBe(0o644);
    expect((await stat(nginx)).mode & 0o777).toBe(0o755);
  });

  it('packs a roble that every user of the image can read, however it is installed, and nothing for developers', async () => {
    // Nobody reads this one meanwhile.
    const licence = new URL('../LICENSE', import.meta.resolve('../src/index.js'));
    const { mode } = await stat(licence);
    await chmod(licence, 0o600);
    try {
      await make();
    } finally {
      await chmod(licence, mode);
    }
    const closed: string[] = [];
    const entries: string[] = [];
    await list({
      file: join(project, 'deploy/roble.tgz'),
      onReadEntry({ path, mode: given = 0 }) {
        entries.push(path);
        if ((given & 0o044) !== 0o044) closed.push(path);
      },
    });
    expect(entries).toEqual(expect.arrayContaining(['package/bin/run.js', 'package/dist/commands/serve.js']));
    expect(entries.filter((path) => /\.(d\.ts|map)$/.test(path))).toEqual([]);
    expect(closed).toEqual([]);
  });

  it('adds another model as the next version', async () => {
    await make();
    const other = await tinyBundle(join(project, 'other'), { name: 'other' });
    expect((await make(other)).model).toEqual({ version: 'unicode-letters/2', isNew: true });
  });

  it('writes nothing with --dry-run', async () => {
    const { json } = await compose('--dry-run');
    expect(json.result.files.length).toBeGreaterThan(30);
    expect((await readdir(project)).sort()).toEqual(['roble.config.yaml']);
  });

  it('puts the workflow where GitHub looks for it, or not', async () => {
    await compose('stack', '--no-workflow');
    expect(await readdir(project)).not.toContain('.github');
    await make(bundle, { workflow: true }, { folder: join(project, 'stack') });
    const workflow = parse(await file('workflows/roble-deploy.yaml', '.github'));
    expect(workflow.env.FOLDER).toBe('stack');
  });

  it.each([
    [{ domain: 'no domain' }, 'expected the name of a host'],
    [{ domain: '-x.example' }, 'expected the name of a host'],
    [{ memory: 'lots' }, 'such as 512M or 2G'],
    [{ replicas: 0 }, 'replicas'],
  ])('refuses %j', async (choices, message) => {
    const refusal = await make(bundle, choices).catch((error) => RobleError.from(error).toJSON());
    expect(refusal).toMatchObject({ code: 'ROBLE_USAGE' });
    expect(JSON.stringify(refusal)).toContain(message);
  });

  it.each([
    [
      ['--domain', 'no domain', '--memory', 'lots'],
      ['expected the name of a host', 'such as 512M or 2G'],
    ],
    [['--replicas', '0'], ['replicas']],
  ])('ends with 2 for %j, and says everything that is wrong', async (words, messages) => {
    const { code, json } = await compose(...words);
    expect([code, json.ok, json.error.code]).toEqual([2, false, 'ROBLE_USAGE']);
    for (const message of messages) expect(JSON.stringify(json.error)).toContain(message);
  });

  it('says what is missing: a model, a bundle that is whole, a stack', async () => {
    expect((await roble('deploy:compose')).json.error.code).toBe('ROBLE_FILE_NOT_FOUND');
    const damaged = join(project, 'damaged');
    await cp(bundle, damaged, { recursive: true });
    await appendFile(join(damaged, 'model.onnx'), 'x');
    await expect(make(damaged)).rejects.toMatchObject({ code: 'ROBLE_BUNDLE_INVALID' });
    const none = await roble('deploy:secrets', 'nowhere');
    expect([none.code, none.json.error.code]).toEqual([2, 'ROBLE_STACK_INVALID']);
  });
});
