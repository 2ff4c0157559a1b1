import { execFile } from 'node:child_process';
import { appendFile, chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { loadConfig } from '../src/core/config/load.js';
import { STACK_CHECKS, type StackCheckName } from '../src/core/operations/deploy/check/stack-check.js';
import { checkStack, makeSecrets, makeStack } from '../src/index.js';
import { describeWith } from './support/programs.js';
import { tinyBundle } from './support/tiny-bundle.js';

const CLI = new URL('../bin/run.js', import.meta.url).pathname;
const COMPOSE = 'docker-compose.yml';
const NGINX = 'nginx/nginx.conf';
const ALERTS = 'prometheus/alerts.yml';
const TESTS = 'prometheus/alerts.test.yml';
const WORKFLOW = '../.github/workflows/roble-deploy.yaml';

let root: string;
/** A whole stack, in a project, which the tests copy. */
let original: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'roble-deploy-check-'));
  const project = join(root, 'original');
  original = join(project, 'deploy');
  await makeStack(
    {
      project,
      folder: original,
      loaded: await loadConfig({ cwd: root, env: {} }),
      choices: { replicas: 2 },
      bundle: await tinyBundle(join(root, 'bundle')),
      dryRun: false,
      replace: () => false,
    },
    {},
  );
  await makeSecrets({ folder: original, rotate: false });
});
afterAll(() => rm(root, { recursive: true }));

async function copy(): Promise<string> {
  const project = await mkdtemp(join(root, 'copy-'));
  // With owners and rights.
  await promisify(execFile)('cp', ['-a', `${join(root, 'original')}/.`, project]);
  return join(project, 'deploy');
}

/** Files that are checked each for itself and cost most: what is damaged elsewhere is seen without them. */
const COSTLY = ['docker-compose.dev.yml', 'docker-compose.gpu.yml'];
const without = (folder: string, files: readonly string[]) =>
  Promise.all(files.map((file) => rm(join(folder, file))));

async function found(folder: string, check: StackCheckName) {
  const { checks } = await checkStack(folder, {}, [check]);
  return checks.flatMap(({ id, findings }) => findings.map((finding) => ({ id, ...finding })));
}

/** Text in place of other text, which has to be there. */
const replaced =
  (file: string, from: string | RegExp, to: string) =>
  async (folder: string): Promise<void> => {
    const path = join(folder, file);
    const text = await readFile(path, 'utf8');
    const changed = text.replace(from, to);
    if (changed === text) throw new Error(`${file} has no ${from}`);
    await writeFile(path, changed);
  };
const appended = (file: string, text: string) => (folder: string) => appendFile(join(folder, file), text);
/** The same without the tests of the alerts, which are run to no purpose then. */
const untested = (damage: (folder: string) => Promise<void>) => async (folder: string) => {
  await damage(folder);
  await writeFile(join(folder, TESTS), 'rule_files: [alerts.yml]\n');
};

/** The same with the tests of one alert alone. */
const testing = (alert: string, damage: (folder: string) => Promise<void>) => async (folder: string) => {
  await damage(folder);
  const path = join(folder, TESTS);
  const { tests, ...rest } = parse(await readFile(path, 'utf8'));
  const own = tests.filter((test: { alert_rule_test?: { alertname: string }[] }) =>
    test.alert_rule_test?.some(({ alertname }) => alertname === alert),
  );
  await writeFile(path, stringify({ ...rest, tests: own }));
};

type Damage = readonly [
  name: string,
  damage: (folder: string) => Promise<void>,
  check: StackCheckName,
  file: string,
  message: RegExp,
];

/** What somebody may do to a stack, the check that has to see it, and what it has to say. */
const DAMAGE: readonly Damage[] = [
  [
    'no health check',
    replaced(COMPOSE, /healthcheck:\n.*pg_isready.*\n/, 'x-no-healthcheck:\n'),
    'compose',
    COMPOSE,
    /postgres has no health check/,
  ],
  [
    'a public database',
    replaced(COMPOSE, 'expose: ["5432"]', 'ports: ["5432:5432"]'),
    'compose',
    COMPOSE,
    /postgres can be reached from outside/,
  ],
  [
    'an image of any version',
    replaced(COMPOSE, /image: redis:\S+/, 'image: redis:latest'),
    'compose',
    COMPOSE,
    /redis has no exact version/,
  ],
  ['root', replaced(COMPOSE, 'user: "101:101"', 'user: "0:0"'), 'compose', COMPOSE, /nginx runs as root/],
  [
    'no bound of memory',
    replaced(COMPOSE, 'memory: 1G, pids: 512', 'pids: 512'),
    'compose',
    COMPOSE,
    /api-1 has no bound of memory/,
  ],
  [
    'a password in the environment',
    replaced(COMPOSE, 'POSTGRES_DB: roble', 'POSTGRES_PASSWORD: hunter2'),
    'compose',
    COMPOSE,
    /postgres has a secret in its environment/,
  ],
  [
    'an API that is killed while it works',
    replaced(COMPOSE, 'stop_grace_period: 20s', 'stop_grace_period: 5s'),
    'compose',
    COMPOSE,
    /api-1 is killed before/,
  ],
  [
    'a database with a way out',
    replaced(COMPOSE, 'internal: true', 'internal: false'),
    'compose',
    COMPOSE,
    /network backend, which is not internal/,
  ],
  [
    'a key that Compose does not know',
    replaced(COMPOSE, 'read_only: true', 'readonly: true'),
    'compose',
    COMPOSE,
    /readonly|can write to its root/,
  ],
  [
    'an image that runs as root',
    replaced('Dockerfile', 'USER 10001:10001', 'USER root'),
    'dockerfile',
    'Dockerfile',
    /runs as root/,
  ],
  [
    'an instruction that does not exist',
    replaced('Dockerfile', 'WORKDIR /opt/package', 'WORKDIRECTORY /opt/package'),
    'dockerfile',
    'Dockerfile',
    /line \d+: .*WORKDIRECTORY/i,
  ],
  [
    'metrics for everybody',
    replaced(NGINX, 'location = /metrics { return 404; }', ''),
    'nginx',
    NGINX,
    /shows \/metrics/,
  ],
  [
    'smaller bodies than the API takes',
    replaced(NGINX, /client_max_body_size \d+/, 'client_max_body_size 1m'),
    'nginx',
    NGINX,
    /other sizes of requests/,
  ],
  [
    'feedback that may be sent twice',
    replaced(
      NGINX,
      'location / {\n      limit_req',
      'location / {\n      proxy_next_upstream error non_idempotent;\n      limit_req',
    ),
    'nginx',
    NGINX,
    /repeat requests/,
  ],
  [
    'a mistake that nginx alone knows',
    replaced(NGINX, 'keepalive_timeout 65s;', 'keepalive_timeout soon;'),
    'nginx',
    NGINX,
    /nginx refuses it.*keepalive_timeout/,
  ],
  [
    'an API without requests',
    replaced(NGINX, /.*server api-2.*\n/, ''),
    'nginx',
    NGINX,
    /api-2 gets no requests/,
  ],
  [
    'a user of Redis with all rights',
    replaced('secrets/redis_users', '-@all +ping +info', '+@all'),
    'redis',
    'secrets/redis_users',
    /dangerous commands/,
  ],
  [
    'no bound of Redis',
    replaced('redis/redis.conf', /maxmemory .*\n/, ''),
    'redis',
    'redis/redis.conf',
    /no bound of memory/,
  ],
  [
    'a mistake that Redis alone knows',
    appended('redis/redis.conf', 'maxmemory-samples many\n'),
    'redis',
    'redis/redis.conf',
    /Redis refuses it/,
  ],
  [
    'broken SQL',
    appended('postgres/init.sql', 'GRANT EVERYTHING TO roble_app;\n'),
    'postgres',
    'postgres/init.sql',
    /fails at the first run/,
  ],
  [
    'SQL that cannot be repeated',
    appended('postgres/init.sql', 'CREATE TABLE once (x int);\n'),
    'postgres',
    'postgres/init.sql',
    /fails at the second run/,
  ],
  [
    'a superuser',
    appended('postgres/init.sql', 'ALTER ROLE roble_app SUPERUSER;\n'),
    'postgres',
    'postgres/init.sql',
    /roble_app has rights of an administrator/,
  ],
  [
    'an expression that does not parse',
    replaced(ALERTS, 'expr: up{job="roble"} == 0', 'expr: up{job="roble" == 0'),
    'prometheus',
    ALERTS,
    /promtool check rules/,
  ],
  [
    'an alert that no longer comes',
    testing('RobleDrift', replaced(ALERTS, '> 0.25 and roble_drift', '> 25 and roble_drift')),
    'prometheus',
    TESTS,
    /promtool test rules.*RobleDrift/,
  ],
  [
    'an alert without a test',
    untested(
      appended(
        ALERTS,
        '      - alert: New\n        expr: up == 0\n        labels: { severity: warning }\n        annotations: { summary: New, runbook: playbooks/api-down.md }\n',
      ),
    ),
    'prometheus',
    TESTS,
    /does not test New/,
  ],
  [
    'two panels of one id',
    replaced('grafana/dashboards/service.json', '"id": 2,', '"id": 1,'),
    'grafana',
    'grafana/dashboards/service.json',
    /two panels of the id 1/,
  ],
  [
    'a panel whose query does not parse',
    untested(replaced('grafana/dashboards/model.json', '"expr": "sum', '"expr": "sum((')),
    'prometheus',
    'grafana/dashboards/model.json',
    /promtool check rules/,
  ],
  [
    'an action that can change',
    replaced(WORKFLOW, /actions\/checkout@\S+/, 'actions/checkout@v6'),
    'workflows',
    WORKFLOW,
    /can change under its name/,
  ],
  [
    'a job that cannot be',
    replaced(WORKFLOW, 'needs: build', 'needs: built'),
    'workflows',
    WORKFLOW,
    /line \d+: .*built/,
  ],
  [
    'secrets that others may enter',
    (folder) => chmod(join(folder, 'secrets'), 0o755),
    'secrets',
    'secrets',
    /can be entered by others/,
  ],
  [
    'secrets under version control',
    replaced('.gitignore', 'secrets/\n', ''),
    'secrets',
    '.gitignore',
    /does not keep secrets out/,
  ],
  [
    'a key in a page',
    appended('README.md', `roble_${'x'.repeat(43)}\n`),
    'secrets',
    'README.md',
    /looks like a secret/,
  ],
  [
    'a secret that is missing',
    (folder) => rm(join(folder, 'secrets/grafana_password')),
    'secrets',
    'secrets/grafana_password',
    /is missing/,
  ],
  ...(
    [
      [NGINX, 0o640, 'nginx, which runs as 101:101'],
      ['prometheus', 0o750, 'prometheus, which runs as 65534:65534'],
      ['redis/redis.conf', 0o600, 'redis, which runs as 999:1000'],
      ['postgres/init.sql', 0o600, 'postgres, which runs as 999:999'],
      ['secrets/grafana_password', 0o600, 'grafana, which runs as 472:0'],
      ['secrets/tls/tls.key', 0o600, 'nginx'],
      ['metrics', 0o700, 'node-exporter'],
      ['logs/loki.yaml', 0o600, 'loki'],
      ['load/predict.js', 0o600, 'load'],
      // Of those that belong to the user of the APIs.
      ['secrets/redis_url', 0o000, 'api-1'],
      ['backups', 0o500, 'backup'],
    ] as const
  ).map(
    ([file, mode, reader]): Damage => [
      `${file} with the mode ${mode.toString(8)}`,
      (folder) => chmod(join(folder, file), mode),
      'access',
      file,
      new RegExp(`cannot be read.* by ${reader}.*mode ${mode.toString(8)}`),
    ],
  ),
  [
    'a configuration that the image would hide from its user',
    (folder) => chmod(join(folder, 'roble.config.yaml'), 0o600),
    'access',
    'roble.config.yaml',
    /cannot be read by the user of the image/,
  ],
  ...['secrets/redis_url', 'secrets/admin_key', 'keys/keys.json', '.env'].map(
    (file): Damage => [
      `${file} with the mode 644`,
      (folder) => chmod(join(folder, file), 0o644),
      'access',
      file,
      /is open to more users than need it \(mode 644\)/,
    ],
  ),
  [
    'a script that cannot run',
    (folder) => chmod(join(folder, 'scripts/restart.sh'), 0o644),
    'files',
    'scripts/restart.sh',
    /cannot be executed/,
  ],
  [
    'a script with a mistake',
    appended('scripts/backup.sh', 'if true; then\n'),
    'files',
    'scripts/backup.sh',
    /shell refuses it/,
  ],
  [
    'a key that roble does not know',
    replaced('roble.config.yaml', 'watchMs:', 'watchMilliseconds:'),
    'files',
    'roble.config.yaml',
    /watchMilliseconds/,
  ],
  [
    'a damaged package',
    (folder) => writeFile(join(folder, 'roble.tgz'), 'damaged'),
    'files',
    'roble.tgz',
    /cannot be read|has no package/,
  ],
  [
    'a file that is gone',
    (folder) => rm(join(folder, 'logs/loki.yaml')),
    'files',
    'logs/loki.yaml',
    /is gone/,
  ],
];

describeWith('nginx', 'nginx, redis-server, postgresql and prometheus')('deploy:check', () => {
  it.each(DAMAGE)('sees %s', async (name, damage, check, file, message) => {
    const folder = await copy();
    await without(folder, COSTLY);
    await damage(folder);
    const findings = await found(folder, check);
    const seen = findings.find(
      (finding) => finding.id === check && finding.file === file && message.test(finding.message),
    );
    expect(seen, JSON.stringify(findings, null, 1)).toBeDefined();
    expect(seen!.fix).not.toBe('');
    if (process.env.ROBLE_TEST_SHOW)
      process.stderr.write(`| ${name} | ${seen!.file}: ${seen!.message} | ${seen!.fix} |\n`);
  });

  it.each<readonly [file: string, check: StackCheckName]>([
    [COMPOSE, 'compose'],
    ['docker-compose.logs.yml', 'compose'],
    ['prometheus/prometheus.yml', 'prometheus'],
    [ALERTS, 'prometheus'],
    [TESTS, 'prometheus'],
    ['grafana/dashboards/model.json', 'grafana'],
    ['grafana/provisioning/datasources/prometheus.yml', 'grafana'],
    [WORKFLOW, 'workflows'],
    ['roble.config.yaml', 'files'],
    ['logs/loki.yaml', 'files'],
    ['.roble-stack.json', 'files'],
  ])('says where %s cannot be read, and nothing else about it', async (file, check) => {
    const folder = await copy();
    await without(folder, COSTLY);
    await appendFile(join(folder, file), '\nx-hosts: [*.example.com]\n');
    const findings = (await found(folder, check)).filter((finding) => finding.file === file);
    expect(findings).toMatchObject([{ severity: 'error', message: expect.stringMatching(/:\d+:\d+: /) }]);
    expect(findings[0]!.fix).not.toBe('');
  });

  it('finds nothing in a checkout, which has no secrets, where the workflow runs it, and tries everything but Docker', async () => {
    const folder = await copy();
    const ignored = (await readFile(join(folder, '.gitignore'), 'utf8')).match(/^[^#*].*/gm)!;
    for (const name of ignored) await rm(join(folder, name), { recursive: true });
    const workflow = parse(await readFile(join(folder, WORKFLOW), 'utf8'));
    const { run } = workflow.jobs.test.steps.find(({ name }: { name?: string }) => name === 'Check');
    const temporary = await mkdtemp(join(root, 'runner-'));
    await mkdir(join(temporary, 'roble'));
    await symlink(dirname(dirname(CLI)), join(temporary, 'roble/package'));
    const env = { ...process.env, RUNNER_TEMP: temporary, FOLDER: folder };
    const { stdout } = await promisify(execFile)('bash', ['-eo', 'pipefail', '-c', run], { env });
    expect(stdout).toMatch(/: nothing was found\.\n$/);
    expect(stdout.match(/^ok /gm)).toHaveLength(STACK_CHECKS.length);
    const missed = stdout.match(/not checked: .*/g) ?? [];
    expect(missed.filter((line) => !line.includes('docker compose config'))).toEqual([]);
  });

  it('goes on to the end whatever line is lost or doubled', async () => {
    const files: readonly (readonly [file: string, check: StackCheckName])[] = [
      [COMPOSE, 'compose'],
      ['docker-compose.logs.yml', 'compose'],
      ['Dockerfile', 'dockerfile'],
      ['.dockerignore', 'dockerfile'],
      [NGINX, 'nginx'],
      ['redis/redis.conf', 'redis'],
      ['prometheus/prometheus.yml', 'prometheus'],
      ['grafana/dashboards/model.json', 'grafana'],
      [WORKFLOW, 'workflows'],
      ['roble.config.yaml', 'files'],
      ['.roble-stack.json', 'files'],
    ];
    const folder = await copy();
    await without(folder, [...COSTLY, TESTS]);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.nat(),
        fc.boolean(),
        async ([file, check], at, isLost) => {
          const path = join(folder, file);
          const text = await readFile(path, 'utf8');
          const lines = text.split('\n');
          const line = at % lines.length;
          lines.splice(line, isLost ? 1 : 0, ...(isLost ? [] : [lines[line]!]));
          await writeFile(path, lines.join('\n'));
          try {
            await found(folder, check);
          } finally {
            await writeFile(path, text);
          }
        },
      ),
      // The first ended actionlint in the middle.
      { numRuns: 25, examples: [[[WORKFLOW, 'workflows'], 1185623460, true]] },
    );
  });

  it('refuses a folder without a stack', async () => {
    await expect(checkStack(root, {})).rejects.toMatchObject({ code: 'ROBLE_STACK_INVALID', exitCode: 2 });
  });

  describe('the command', () => {
    const run = (...words: string[]) =>
      promisify(execFile)(process.execPath, [CLI, 'deploy:check', ...words]).then(
        ({ stdout }) => ({ code: 0, stdout }),
        ({ code, stdout }: { code: number; stdout: string }) => ({ code, stdout }),
      );

    it('ends with 0 for a sound stack, with 4 for one with a mistake, and shows how to mend it', async () => {
      const folder = await copy();
      const sound = await run(folder, '--only', 'redis', '--only', 'files');
      expect(sound.code).toBe(0);
      expect(sound.stdout).toContain('nothing was found');
      await chmod(join(folder, 'scripts/restart.sh'), 0o644);
      const { code, stdout } = await run(folder, '--only', 'files', '--json');
      const { ok, result } = JSON.parse(stdout);
      expect([code, ok, result.checks.map(({ id }: { id: string }) => id)]).toEqual([4, true, ['files']]);
    });
  });
});
