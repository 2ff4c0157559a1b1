import { execFile } from 'node:child_process';
import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { renderRetrainWorkflow } from '../../src/core/config/template.js';
import { trainModel } from '../../src/index.js';
import { describeWithContainers, type Engine, startEngine } from '../support/containers/engine.js';
import { type Shell, shellIn } from '../support/containers/shell.js';
import { installWrappingBackend } from '../support/containers/wrapping-backend.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { tinyDataset } from '../support/tiny-dataset.js';

const CLI = new URL('../../bin/run.js', import.meta.url).pathname;
const LOAD = new URL('../support/containers/load.js', import.meta.url).pathname;
const ADDRESS = 'https://127.0.0.1';
/** Requests a second, of one address: what nginx lets through, and what the load tests send. */
const RATE_LIMIT = 75;
const RATE = 25;
/** For tests that wait for alerts or restart everything, on a machine that others load. */
const LONG_MS = 480_000;

/**
 * What the stack of the tests does faster than that of users. The pause of a restart stays a second longer than nginx passes
 * over an API; how long each alert waits, the check of the stack proves with promtool.
 */
const FASTER: readonly (readonly [file: string, from: RegExp, to: string])[] = [
  ['prometheus/prometheus.yml', /scrape_interval: 10s/, 'scrape_interval: 1s'],
  ['prometheus/prometheus.yml', /evaluation_interval: 10s/, 'evaluation_interval: 1s'],
  ['prometheus/alerts.yml', /(alert: RobleRedisLost\n.*\n +for:) 1m/, '$1 1s'],
  [
    'prometheus/alerts.yml',
    /(alert: RoblePredictionsWaiting\n.*_written_total\{job="roble"\}\[)1m(.*\n +for:) 2m/,
    '$110s$2 1s',
  ],
  ['nginx/nginx.conf', /fail_timeout=5s/g, 'fail_timeout=1s'],
  ['scripts/restart.sh', /sleep 6\n/, 'sleep 2\n'],
  ['roble.config.yaml', /watchMs: 5000/, 'watchMs: 200'],
];

let project: string;
let remove: () => Promise<void>;
let engine: Engine;
let stack: Shell;
let key: string;
/** For load tests, which look at the statistics. */
let loadKey: string;
/** That the APIs run as; no image has a name for it. */
let user: number;

/** As somebody runs it who keeps new files from others: the containers read them all the same. */
async function roble(...words: string[]): Promise<string> {
  const command = ['-c', 'umask 077; exec "$@"', 'sh', process.execPath, CLI, ...words];
  const { stdout } = await promisify(execFile)('sh', command, { cwd: project });
  return stdout;
}

async function makeFaster(folder: string): Promise<void> {
  for (const [name, from, to] of FASTER) {
    const path = join(folder, name);
    const text = await readFile(path, 'utf8');
    expect(text).toMatch(from);
    await writeFile(path, text.replace(from, to));
  }
}

/** As root would have it run, the image knows the user's name. */
async function runAsNobodyInParticular(env: string): Promise<void> {
  const text = await readFile(env, 'utf8');
  user = Number(/^ROBLE_UID=(\d+)$/m.exec(text)![1]);
  if (process.getuid!() !== 0) return;
  user = 10_001;
  await writeFile(env, text.replace(/^(ROBLE_[UG]ID)=.*$/gm, `$1=${user}`));
}

async function picture(name: string, light: number): Promise<string> {
  const path = join(project, `${name}.png`);
  await sharp({
    create: { width: 28, height: 28, channels: 3, background: { r: light, g: light, b: light } },
  })
    .png()
    .toFile(path);
  return path;
}

async function ok(line: string): Promise<string> {
  const { status, stdout, stderr } = await stack.run(line);
  if (status !== 0) throw new Error(`${line} ended with ${status}:\n${stdout}${stderr}`);
  return stdout;
}

/** A request as a client outside makes it. */
async function curl(path: string, ...words: string[]): Promise<{ status: number; body: string }> {
  const { stdout } = await stack.run(
    `curl --silent --insecure --max-time 20 --write-out '\\n%{http_code}' ${words.join(' ')} '${path.startsWith('http') ? '' : ADDRESS}${path}'`,
  );
  const lines = stdout.split('\n');
  return { status: Number(lines.pop()), body: lines.join('\n') };
}

const predict = (file: string, ...words: string[]) =>
  curl(
    '/predict',
    `-H 'authorization: Bearer ${key}' -H 'content-type: image/png' --data-binary @${file}`,
    ...words,
  );

/** What a query of Prometheus gives. */
async function query(
  expression: string,
): Promise<{ metric: Record<string, string>; value: [number, string] }[]> {
  const answer = await ok(
    `curl --silent --get --data-urlencode ${quoted(`query=${expression}`)} http://127.0.0.1:9090/api/v1/query`,
  );
  const { status, data, error } = JSON.parse(answer);
  expect([status, error], expression).toEqual(['success', undefined]);
  return data.result;
}

const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

const sql = (user: string, statement: string) => {
  const psql = `psql -X -A -t -U ${user} -d roble -c ${quoted(statement)}`;
  const secret = { roble_reader: 'postgres_reader_password', roble_app: 'postgres_app_password' }[user];
  return stack.run(
    secret
      ? `docker compose exec -T -e PGPASSWORD=$(cat secrets/${secret}) postgres ${psql} -h postgres`
      : `docker compose exec -T postgres ${psql}`,
  );
};

const count = async () => Number((await sql('postgres', 'select count(*) from roble_predictions')).stdout);

/** Until what was answered is written. */
async function settled(): Promise<void> {
  let last = -1;
  await expect
    .poll(
      async () => {
        const before = last;
        last = await count();
        return last === before;
      },
      { interval: 500 },
    )
    .toBe(true);
}

interface Load {
  readonly sent: number;
  readonly failed: number;
  readonly statuses: Record<string, number>;
  readonly latencyMs: { readonly p99: number };
}

/** Of one address nginx takes 64 connections; a load that waits for a connection is late, and not refused. */
const CONNECTIONS = 48;

const TRUSTED = () => ({ NODE_EXTRA_CA_CERTS: join(stack.folder, 'secrets/tls/tls.crt') });

/** A load through nginx by roble's own generator, an open loop. */
async function benchmark(seconds: number, rate: number): Promise<Load> {
  const { stdout, stderr } = await stack.run(
    `${process.execPath} ${CLI} serve:bench ${ADDRESS} --rate ${rate} --duration ${seconds} --warm-up 0 --connections ${CONNECTIONS} --header 'authorization:Bearer ${loadKey}' --json`,
    TRUSTED(),
  );
  const { result, error } = JSON.parse(stdout || '{}');
  expect(error, stderr).toBeUndefined();
  return result.measurement;
}

/** The same until something has happened, and for some requests before and after it. */
async function underLoad(
  work: (requests: (count: number) => Promise<void>) => Promise<unknown>,
): Promise<Load> {
  const load = stack.start(
    `exec ${process.execPath} ${LOAD} ${ADDRESS} ${RATE} ${CONNECTIONS} '${loadKey}'`,
    TRUSTED(),
  );
  let said = '';
  load.stdout.on('data', (data) => {
    said += data;
  });
  const ended = new Promise((resolve) => load.once('close', resolve));
  const requests = async (count: number) => {
    const before = said.length;
    await expect
      .poll(() => said.length - before, { timeout: 60_000, message: `${count} requests are sent` })
      .toBeGreaterThanOrEqual(count);
  };
  try {
    await requests(RATE);
    await work(requests);
    await requests(RATE);
  } finally {
    load.stdin.end();
    await ended;
  }
  return JSON.parse(said.replace(/^\.*/, ''));
}

function expectAllAnswered(name: string, { sent, failed, statuses, latencyMs }: Load): void {
  process.stderr.write(`${name}: ${sent} requests, ${failed} failed, p99 ${latencyMs.p99.toFixed(1)} ms\n`);
  expect([failed, statuses]).toEqual([0, { 200: sent }]);
}

describeWithContainers()('the stack of deploy:compose, in containers', () => {
  beforeAll(async () => {
    ({ path: project, remove } = await temporaryFolder('stack'));
    await installWrappingBackend(project);
    await writeFile(
      join(project, 'roble.config.yaml'),
      'name: Ten Digits\nplugins: [roble-wrapping]\nserve: { workers: 1, backend: wrapping }\n',
    );
    const engineStarts = startEngine([
      'node',
      'nginx',
      'redis',
      'postgres',
      'prometheus',
      'nodeExporter',
    ]).then((started) => {
      engine = started;
    });
    await trainModel({
      dataset: await tinyDataset(join(project, 'data/dataset')),
      run: join(project, 'runs/run-0001'),
      model: { preset: 'cnn-small' },
      train: { epochs: 1, threads: 1 },
    });
    await roble('deploy:compose', '--rate-limit', String(RATE_LIMIT));
    await makeFaster(join(project, 'deploy'));
    const said = await roble('deploy:secrets');
    key = /roble_\S+/.exec(said)![0];
    const scopes = ['predict', 'metrics', 'admin'].flatMap((scope) => ['--scope', scope]);
    const { result } = JSON.parse(
      await roble('keys:create', '--name=load', ...scopes, '--keys=deploy/keys/keys.json', '--json'),
    );
    loadKey = result.key;
    await runAsNobodyInParticular(join(project, 'deploy/.env'));
    await roble('deploy:secrets');
    await engineStarts;
    stack = shellIn(join(project, 'deploy'), engine);
    const tag = /^ROBLE_TAG=(.*)$/m.exec(await readFile(join(stack.folder, '.env'), 'utf8'))![1];
    await engine.build('--tag', `ten-digits-api:${tag}`, stack.folder);
    process.stderr.write(`containers: ${engine.name}; not started: ${engine.missing.join(', ') || 'none'}\n`);
  }, LONG_MS);
  afterAll(async () => {
    await engine?.close();
    await remove();
  }, LONG_MS);

  it(
    'starts, without root and without a place to write but its volumes, and is well',
    async () => {
      await ok('docker compose up -d --build --wait');
      expect((await ok('docker compose ps --services --status running')).trim().split('\n')).toHaveLength(
        9 - engine.missing.filter((name) => name === 'grafana').length,
      );
      expect(await ok('make -s test')).toContain('ready');
      expect(await ok('docker compose exec -T api-1 id -u')).toBe(`${user}\n`);
      expect((await stack.run(`docker compose exec -T api-1 grep :${user}: /etc/passwd`)).status).toBe(1);
      expect((await stack.run('docker compose exec -T api-1 touch /etc/roble/x')).stderr).toContain(
        'Read-only',
      );
    },
    LONG_MS,
  );

  it('answers by TLS to who has a key', async () => {
    const file = await picture('white', 255);
    const answer = await predict(file);
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toMatchObject({ model: { name: 'ten-digits', version: '1' } });
    expect((await curl('/predict', `-H 'content-type: image/png' --data-binary @${file}`)).status).toBe(401);
    expect((await curl('http://127.0.0.1/predict')).status).toBe(308);
    expect((await curl('/')).body).toContain('<!doctype html>');
  });

  it('answers through the plugin of the project, which the image holds with what it depends on', async () => {
    const { result } = JSON.parse(await ok('docker compose exec -T api-1 roble plugins --json'));
    expect(result).toMatchObject({
      packages: [{ name: 'roble-wrapping', version: '1.0.0', plugins: [{ name: 'wrapping' }] }],
      setAside: [],
    });
    expect(result.packages[0].plugins[0].fault).toBeUndefined();
    expect(await ok('docker compose exec -T api-1 roble config:show')).toContain('backend: wrapping');
  });

  it('shows the outside nothing of the inside', async () => {
    for (const path of ['/metrics', '/admin/models', '/admin/models/reload', '//metrics', '/%61dmin/models'])
      expect([path, (await curl(path, `-H 'authorization: Bearer ${loadKey}'`)).status]).toEqual([path, 404]);
    for (const port of [5432, 6379, 8081, 9100])
      expect([
        port,
        (await stack.run(`curl --silent --max-time 2 telnet://127.0.0.1:${port}`)).status,
      ]).toEqual([port, 7]);
  });

  it('shares answers in Redis, whose user may do little', async () => {
    const file = await picture('shared', 77);
    const sources = [];
    for (let i = 0; i < 8; i++) sources.push(JSON.parse((await predict(file)).body).source);
    expect(sources[0]).toBe('model');
    expect(sources).toContain('redis');
    const redis = 'docker compose exec -T -e REDISCLI_AUTH redis redis-cli';
    const asRoble = `REDISCLI_AUTH=$(sed 's/.*roble:\\(.*\\)@.*/\\1/' secrets/redis_url) ${redis} --user roble --no-auth-warning`;
    for (const command of ['CONFIG GET "*"', 'KEYS "*"', 'FLUSHALL', 'GET other'])
      expect(await ok(`${asRoble} ${command}`)).toContain('NOPERM');
    expect(await ok('docker compose exec -T redis redis-cli GET roble:x')).toContain('NOPERM');
  });

  it('keeps predictions in PostgreSQL, whose roles may do little', async () => {
    const before = await count();
    for (let i = 0; i < 5; i++) await predict(await picture('row', 10 + i));
    await expect.poll(count).toBe(before + 5);
    expect((await sql('roble_reader', 'select count(*) from roble_predictions')).stdout).toBe(
      `${before + 5}\n`,
    );
    for (const [user, statement] of [
      ['roble_reader', 'delete from roble_predictions'],
      ['roble_reader', 'create table x (y int)'],
      ['roble_app', 'create role x'],
      ['roble_app', 'create database x'],
    ] as const)
      expect((await sql(user, statement)).stderr).toMatch(/permission denied|read-only transaction/);
    // The start-up file may run again.
    await ok(
      'docker compose exec -T postgres psql -q -U postgres -d roble -f /docker-entrypoint-initdb.d/init.sql',
    );
  });

  it('holds its load, and limits each address at nginx', async () => {
    expectAllAnswered('through nginx', await benchmark(3, RATE));
    const flood = await benchmark(2, 5 * RATE_LIMIT);
    expect(flood.statuses[429]).toBeGreaterThan(100);
    expect(await ok('docker compose logs --no-log-prefix nginx')).toContain('"status":429');
  });

  it('is seen by Prometheus, with all alerts, and every expression of the dashboards is answered', async () => {
    await expect.poll(async () => (await query('up == 1')).length, { timeout: 60_000 }).toBe(4);
    const rules = JSON.parse(await ok('curl --silent http://127.0.0.1:9090/api/v1/rules')).data.groups;
    const alerts = rules.flatMap((group: { rules: { name: string; health: string }[] }) => group.rules);
    expect(alerts.length).toBeGreaterThan(15);
    await expect
      .poll(
        async () => {
          const now = JSON.parse(await ok('curl --silent http://127.0.0.1:9090/api/v1/rules')).data.groups;
          return now.flatMap((group: { rules: { health: string }[] }) =>
            group.rules.map(({ health }) => health),
          );
        },
        { timeout: 60_000 },
      )
      .toEqual(alerts.map(() => 'ok'));
    const empty: string[] = [];
    for (const name of ['service', 'model', 'machine']) {
      const { panels } = JSON.parse(
        await readFile(join(stack.folder, `grafana/dashboards/${name}.json`), 'utf8'),
      );
      for (const { targets } of panels)
        for (const { expr } of targets) {
          const filled = expr.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '1m');
          if ((await query(filled)).length === 0) empty.push(expr);
        }
    }
    // What has no value before the first refused request, and before 500 answers of each API.
    expect(empty.filter((expr) => !/roble_drift_(psi|ks)/.test(expr))).toEqual([]);
  });

  it('loses no request when an API is killed', async () => {
    const load = await underLoad(async (requests) => {
      await ok('docker compose kill api-1');
      await requests(2 * RATE);
      await ok('docker compose up -d --wait api-1');
    });
    expectAllAnswered('an API killed', load);
  });

  it('loses no request in an upgrade, which restarts one API after the other, and rolls back', {
    timeout: LONG_MS,
  }, async () => {
    const tag = /^ROBLE_TAG=(.*)$/m;
    const before = tag.exec(await readFile(join(stack.folder, '.env'), 'utf8'))![1];
    const upgraded = await underLoad(() => ok('make upgrade TAG=next'));
    expectAllAnswered('upgrade', upgraded);
    expect(tag.exec(await readFile(join(stack.folder, '.env'), 'utf8'))![1]).toBe('next');
    await ok('make rollback');
    expect(tag.exec(await readFile(join(stack.folder, '.env'), 'utf8'))![1]).toBe(before);
  });

  it('gives back what a backup holds', async () => {
    await predict(await picture('saved', 123));
    await settled();
    const said = await ok('make -s backup');
    const file = /backups\/predictions-\S+\.dump/.exec(said)![0];
    const saved = await count();
    await settled();
    await sql('postgres', 'delete from roble_predictions');
    expect(await count()).toBe(0);
    // The name of a backup has its second in it.
    await sleep(1100);
    await ok(`make -s restore FILE=${file}`);
    expect(await count()).toBe(saved);
    expect((await sql('roble_reader', 'select count(*) from roble_predictions')).stdout).toBe(`${saved}\n`);
    await predict(await picture('after', 124));
    await expect.poll(count).toBe(saved + 1);
    expect((await stack.run('make -s restore FILE=backups/none.dump')).status).not.toBe(0);
  });

  it('takes a retrained model as a canary, delivered as the workflow does it', async () => {
    const { jobs } = parse(await renderRetrainWorkflow('data/dataset', 'ten-digits'));
    const { env } = jobs.deliver;
    const { run } = jobs.deliver.steps.find(({ name }: { name?: string }) => name === 'Deliver');
    const runner = join(project, 'runner');
    await cp(join(project, 'runs/run-0001/model'), join(runner, 'retrain/run/model'), { recursive: true });
    await writeFile(join(runner, 'deliver.sh'), run);
    // Everything of ssh but the network: its last word goes to a shell.
    await writeFile(join(runner, 'ssh'), '#!/bin/bash\nfor last; do :; done\nexec bash -c "$last"\n', {
      mode: 0o755,
    });
    const ran = await stack.run(`cd ${runner} && PATH=${runner}:$PATH bash -eo pipefail deliver.sh`, {
      ...{ MODEL: env.MODEL, PERCENT: '10', SERVER: 'deploy@server', STACK: stack.folder },
      ...{
        SSH_KEY: 'key',
        KNOWN_HOSTS: 'host',
        ADMIN_KEY: '',
        GITHUB_STEP_SUMMARY: join(runner, 'summary'),
      },
    });
    expect([ran.stdout.trim(), ran.stderr]).toEqual([
      'Version 2 of ten-digits answers 10 percent of the clients, version 1 the others.',
      '',
    ]);
    const asked = async (api: string) =>
      JSON.parse(await ok(`API=${api} scripts/admin.sh GET /admin/models/ten-digits`));
    for (const api of ['api-1', 'api-2'])
      await expect
        .poll(() => asked(api), { timeout: 30_000 })
        .toMatchObject({ version: '1', canary: { percent: 10 } });
    await ok('scripts/admin.sh POST /admin/models/ten-digits/rollback');
    expect((await asked('api-1')).canary).toBeUndefined();
  });

  it('does what the playbooks say', { timeout: LONG_MS }, async () => {
    const folder = join(stack.folder, 'playbooks');
    const failed: string[] = [];
    /** Several pages begin with the same looks. */
    const commands = new Set<string>();
    for (const name of (await readdir(folder)).sort()) {
      const text = await readFile(join(folder, name), 'utf8');
      // What needs a name, another machine or roble itself is no block of a shell.
      for (const [, block] of text.matchAll(/^ *```sh\n([\s\S]*?)```/gm))
        for (const line of block!
          .trim()
          .split('\n')
          .map((line) => line.trim())) {
          if (commands.has(line)) continue;
          commands.add(line);
          const { status, stderr } = await stack.run(line);
          if (status !== 0) failed.push(`${name}: ${line}: ${stderr}`);
        }
    }
    process.stderr.write(`playbooks: ${commands.size} different commands, ${failed.length} failed\n`);
    expect(failed).toEqual([]);
    expect(commands.size).toBeGreaterThan(30);
  });

  it('takes new passwords without a request lost', { timeout: LONG_MS }, async () => {
    const robleInPath = `roble() { ${process.execPath} ${CLI} "$@"; }`;
    await writeFile(join(project, 'roble'), `#!/bin/sh\nexec ${process.execPath} ${CLI} "$@"\n`, {
      mode: 0o755,
    });
    const before = await readFile(join(stack.folder, 'secrets/redis_url'), 'utf8');
    const rows = await count();
    const load = await underLoad(async () => {
      const rotation = ok(`${robleInPath}; PATH=${project}:$PATH make rotate`);
      const ended = new AbortController();
      const end = () => ended.abort();
      rotation.then(end, end);
      // Whoever has to connect anew meanwhile finds a password that is taken, or waits for it.
      while (!ended.signal.aborted) {
        await sql(
          'postgres',
          "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'roble_app'",
        );
        await sleep(1000, undefined, { signal: ended.signal }).catch(() => {});
      }
      await rotation;
    });
    expectAllAnswered('rotation', load);
    // The APIs write with the new password, and what they answered meanwhile is there.
    await expect.poll(count, { timeout: 120_000, interval: 500 }).toBeGreaterThanOrEqual(rows + load.sent);
    expect(await readFile(join(stack.folder, 'secrets/redis_url'), 'utf8')).not.toBe(before);
    const file = await picture('rotated', 99);
    const sources = [];
    for (let i = 0; i < 8; i++) sources.push(JSON.parse((await predict(file)).body).source);
    expect(sources).toContain('redis');
    await expect.poll(async () => (await query('up{job="roble"} == 1')).length, { timeout: 60_000 }).toBe(2);
  });

  describe('without its stores', () => {
    const state = async (alert: string) => {
      const { data } = JSON.parse(await ok('curl --silent http://127.0.0.1:9090/api/v1/alerts'));
      return data.alerts.some(
        ({ labels, state }: { labels: Record<string, string>; state: string }) =>
          labels.alertname === alert && state === 'firing',
      );
    };

    it('goes on, says which ones are missing, and recovers', { timeout: LONG_MS }, async () => {
      const alerts = ['RobleRedisLost', 'RoblePredictionsWaiting'];
      const states = () => Promise.all(alerts.map(state));
      const before = await count();
      const load = await underLoad(async () => {
        await ok('docker compose stop redis postgres');
        await expect.poll(states, { timeout: 120_000, interval: 500 }).toEqual([true, true]);
        await ok('docker compose up -d --wait redis postgres');
      });
      expectAllAnswered('without Redis and PostgreSQL', load);
      await expect.poll(states, { timeout: 120_000, interval: 500 }).toEqual([false, false]);
      // What was answered meanwhile had waited.
      await expect
        .poll(count, { timeout: 120_000, interval: 500 })
        .toBeGreaterThanOrEqual(before + load.sent);
    });
  });
});
