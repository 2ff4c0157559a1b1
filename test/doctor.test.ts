/** `doctor` on real parts: what is well, what is down, and what hangs. */
import { once } from 'node:events';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { ReportedCheck } from '../src/core/base/diagnosis.js';
import { createServer, examineProject } from '../src/index.js';
import { freePort } from './support/free-port.js';
import { createPostgres } from './support/postgres.js';
import { describeWith } from './support/programs.js';
import { startRedis } from './support/redis.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { tinyBundle } from './support/tiny-bundle.js';

const CLI = join(import.meta.dirname, '..', 'bin', 'run.js');

let root: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('doctor'));
  await chmod(root, 0o755);
});
afterAll(() => remove());

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A server that takes connections and says nothing. */
async function silentPort(): Promise<number> {
  const server = createTcpServer((socket) => socket.on('error', () => {}).unref());
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function project(name: string, config?: object | string): Promise<string> {
  const folder = join(root, name);
  await mkdir(folder, { recursive: true });
  const text = typeof config === 'string' ? config : JSON.stringify(config);
  if (config !== undefined) await writeFile(join(folder, 'roble.config.yaml'), text);
  return folder;
}

const roble = (folder: string, words: readonly string[] = [], user: object = {}) =>
  execa(process.execPath, [CLI, 'doctor', ...words], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: join(root, 'home'), NODE_ENV: 'production' },
    extendEnv: false,
    reject: false,
    ...user,
  });

/** A package with one plugin, whose module is `code`. */
async function packageAt(folder: string, name: string, code: string): Promise<void> {
  const plugins = [{ kind: 'preset', name, module: './preset.js' }];
  const manifest = { name, version: '1.0.0', type: 'module', roble: { apiVersion: 1, plugins } };
  await mkdir(join(folder, name), { recursive: true });
  await writeFile(join(folder, name, 'package.json'), JSON.stringify(manifest));
  await writeFile(join(folder, name, 'preset.js'), code);
}

it('has one finding for each package and plugin that cannot be used, each told once, with its own mend', async () => {
  const folder = await project('plugins', 'plugins: [./lost, ./torn, ./fails, ./works]');
  await mkdir(join(folder, 'torn'), { recursive: true });
  await writeFile(join(folder, 'torn/package.json'), '{\n  "name": "torn",\n}');
  await packageAt(folder, 'fails', 'throw new Error("several\\nlines");');
  const layers = `[{ type: 'flatten' }, { type: 'dense', units: 'classes' }]`;
  await packageAt(
    folder,
    'works',
    `export const plugin = { name: 'works', description: '', layers: ${layers} };`,
  );
  const { stdout, stderr } = await roble(folder, ['--json']);
  const { result, warnings } = JSON.parse(stdout);
  const { checks } = result.subjects.find(({ id }: { id: string }) => id === 'plugins');
  const found = checks.map(({ status, detail, advice }: ReportedCheck) => [
    status,
    detail,
    advice?.[0] ?? '',
  ]);
  expect(found).toEqual([
    ['ok', 'fails 1.0.0 (project), works 1.0.0 (project)', ''],
    [
      'failed',
      expect.stringMatching(/^\.\/lost .*It is not there\.$/),
      expect.stringContaining('Check the path'),
    ],
    ['failed', expect.stringMatching(/^\.\/torn .*:3:1 is not JSON/), expect.stringMatching(/comma|Mend/)],
    [
      'warning',
      expect.stringMatching(/"fails" of fails 1\.0\.0.*: several lines$/),
      expect.stringContaining('authors of fails'),
    ],
    ['ok', expect.stringMatching(/"works" of works 1\.0\.0 loads in \d+ ms$/), ''],
  ]);
  expect(warnings).toEqual([]);
  expect(stderr).not.toContain('set aside');
});

/** What each check found, by its id. */
async function examined(folder: string) {
  const { healthy, subjects } = await examineProject({ folder });
  const checks = subjects.flatMap((subject) => subject.checks);
  return { healthy, of: Object.fromEntries(checks.map((check) => [check.id, check])) };
}

it('is content with an empty folder on a new machine, and leaves nothing there', async () => {
  const folder = await project('empty');
  const { exitCode, stdout } = await roble(folder, ['--json']);
  const { ok, result } = JSON.parse(stdout);
  const checks: { id: string; status: string }[] = result.subjects.flatMap(
    (subject: { checks: object[] }) => subject.checks,
  );
  // What this machine lacks is no fault of the folder.
  const failed = checks.filter(({ status }) => status === 'failed').map(({ id }) => id);
  expect({ failed, ok, healthy: result.healthy, exitCode }).toEqual({
    failed: [],
    ok: true,
    healthy: true,
    exitCode: 0,
  });
  expect(new Set(checks.map(({ id }) => id)).size).toBe(checks.length);
  expect(await readdir(folder)).toEqual([]);
});

it('tells every problem of a broken configuration, looks at the rest all the same, and ends with 3', async () => {
  const folder = await project('broken', 'train: { epoch: 3, batchSize: many }');
  const { exitCode, stdout } = await roble(folder);
  expect(exitCode).toBe(3);
  expect(stdout).toContain('x Configuration: The configuration has 2 problems.');
  expect(stdout).toContain('Did you mean "epochs"?');
  expect(stdout).toMatch(/\+ Formats of pictures: png/);
  expect(stdout).toContain('1 thing to mend');
});

it('says what is down or not there, each with what to do, and betrays no password', async () => {
  const [postgres, redis, taken] = [await freePort(), await freePort(), await silentPort()];
  const folder = await project('down', {
    train: { device: 'cuda:7' },
    model: { preset: 'cnn-v3' },
    serve: {
      port: taken,
      backend: 'onyx',
      cache: { url: `redis://:hush1@127.0.0.1:${redis}` },
      predictions: { url: `postgres://ada:hush2@127.0.0.1:${postgres}/log` },
      access: { keysFile: 'keys.json' },
      tls: { certFile: 'cert.pem', keyFile: 'key.pem' },
    },
  });
  const { exitCode, stdout, stderr } = await roble(folder, ['--json']);
  expect(exitCode).toBe(3);
  const checks = JSON.parse(stdout).result.subjects.flatMap((each: { checks: object[] }) => each.checks);
  const failed = checks.filter(({ status }: { status: string }) => status === 'failed');
  expect(failed.map(({ id }: { id: string }) => id)).toEqual([
    'model',
    'engine',
    'serving-backend',
    'port',
    'predictions',
    'redis',
    'keys',
    'certificate',
  ]);
  for (const { id, advice } of failed) expect([id, advice?.[0]]).toEqual([id, expect.any(String)]);
  expect(`${stdout}${stderr}`).not.toContain('hush');
});

it('does not wait for a database and a Redis that take connections and never answer', async () => {
  const folder = await project('silent', {
    serve: {
      cache: { url: `redis://127.0.0.1:${await silentPort()}` },
      predictions: { url: `postgres://ada@127.0.0.1:${await silentPort()}/log` },
    },
  });
  const { of } = await examined(folder);
  for (const id of ['redis', 'predictions']) expect([id, of[id]?.status]).toEqual([id, 'failed']);
});

it('knows a server of roble and its administration from others at their ports', async () => {
  const model = await tinyBundle(join(root, 'bundle'));
  const server = await createServer({ model, workers: 0, port: 0, admin: { host: '127.0.0.1', port: 0 } });
  try {
    const admin = { port: Number(new URL(server.adminUrl!).port) };
    const own = await examined(await project('own', { serve: { port: server.address.port, admin } }));
    for (const id of ['port', 'admin-port'])
      expect(own.of[id]).toMatchObject({
        status: 'ok',
        detail: expect.stringContaining('a server of roble'),
      });
  } finally {
    await server.close();
  }
});

it('looks at the files of the stack', async () => {
  const folder = await project('stack', {});
  await mkdir(join(folder, 'deploy'));
  await writeFile(join(folder, 'deploy/.roble-stack.json'), '{}');
  await writeFile(join(folder, 'deploy/docker-compose.yml'), 'services: [');
  const { of } = await examined(folder);
  expect(of.stack).toMatchObject({
    status: 'failed',
    advice: expect.arrayContaining([expect.stringContaining('docker-compose.yml')]),
  });
});

it('names a folder that cannot be written', async () => {
  const folder = await project('sealed', { runs: 'kept/runs' });
  await mkdir(join(folder, 'kept'));
  await chmod(join(folder, 'kept'), 0o555);
  // Root may write everywhere; another user of the machine may not.
  const { exitCode, stdout } = await roble(
    folder,
    ['--json'],
    process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {},
  );
  expect(exitCode).toBe(3);
  const checks = JSON.parse(stdout).result.subjects.flatMap((each: { checks: object[] }) => each.checks);
  expect(checks.find(({ id }: { id: string }) => id === 'runs')).toMatchObject({
    status: 'failed',
    detail: expect.stringMatching(/kept cannot be written: EACCES/),
  });
});

describeWith('redis-server', 'redis-server')('Redis', () => {
  it('is looked at as its user: its memory, and its password', async () => {
    const redis = await startRedis();
    try {
      const folder = await project('redis', { serve: { cache: { url: redis.url } } });
      expect((await examined(folder)).of.redis).toMatchObject({
        status: 'warning',
        detail: expect.stringContaining('no bound of memory'),
      });
      await redis.client.config('SET', 'maxmemory', '64mb');
      await redis.client.config('SET', 'maxmemory-policy', 'allkeys-lru');
      expect((await examined(folder)).of.redis).toMatchObject({ status: 'ok' });
      await redis.client.config('SET', 'requirepass', 'hush');
      expect((await examined(folder)).of.redis).toMatchObject({
        status: 'failed',
        detail: expect.stringMatching(/NOAUTH|Authentication/),
      });
    } finally {
      await redis.stop();
    }
  });
});

describeWith('initdb', 'postgresql')('PostgreSQL', () => {
  it('is looked at as its user, who needs rights, and nothing is made in it', async () => {
    const postgres = await createPostgres();
    try {
      await postgres.start();
      const url = await postgres.createDatabase();
      const folder = await project('postgres', { serve: { predictions: { url } } });
      expect((await examined(folder)).of.predictions).toMatchObject({
        status: 'ok',
        detail: expect.stringContaining('empty'),
      });
      await postgres.query('create role reader login');
      const asReader = url.replace('roble@', 'reader@');
      const other = await project('reader', { serve: { predictions: { url: asReader } } });
      expect((await examined(other)).of.predictions).toMatchObject({
        status: 'failed',
        detail: expect.stringContaining('may not make tables'),
      });
      await postgres.signal('SIGSTOP');
      expect((await examined(folder)).of.predictions).toMatchObject({ status: 'failed' });
      await postgres.signal('SIGCONT');
      await postgres.kill();
      expect((await examined(folder)).of.predictions).toMatchObject({
        status: 'failed',
        detail: expect.stringContaining('ECONNREFUSED'),
        advice: [expect.stringContaining('Start PostgreSQL')],
      });
    } finally {
      await postgres.remove();
    }
  });
});
