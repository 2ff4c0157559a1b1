/** The workflow that retrains and delivers: its rules, and its steps run for real on a tiny project. */
import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderRetrainWorkflow } from '../src/core/config/template.js';
import { createKey } from '../src/core/serving/access/api-keys.js';
import { createServer, type RobleServer, readHistory } from '../src/index.js';
import { describeWith } from './support/programs.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { tinyDataset } from './support/tiny-dataset.js';
import { type StepOptions, standIn, startStep, Workflow } from './support/workflow.js';

const workflow = new Workflow(await renderRetrainWorkflow('data/letters', 'letters'));
const { data, train, judge, deliver } = workflow.jobs;

describe('the workflow that retrains', () => {
  it('has nothing that actionlint finds, calls what there is, and leaves what GitHub replaces', async () => {
    expect(await workflow.problems()).toEqual([]);
    expect(await workflow.unknownCalls()).toEqual([]);
    expect(workflow.calls.map(([id]) => id)).toEqual([
      ...['data:balance', 'data:merge', 'data:validate', 'train'],
      ...['history:analyze', 'history:analyze', 'history:analyze', 'kpi:report'],
    ]);
    expect(workflow.text).not.toMatch(/\{\{[\w.]+\}\}/);
  });

  it('may read only, ends in time, runs once at a time, and pins what others wrote', () => {
    expect(workflow.permissions).toEqual({ contents: 'read' });
    expect(judge!.permissions).toEqual({ contents: 'read', actions: 'read' });
    for (const job of [data, train, deliver]) expect(job!.permissions).toBeUndefined();
    for (const job of Object.values(workflow.jobs)) expect(job['timeout-minutes']).toBeGreaterThan(0);
    expect(workflow.concurrency.group).toBeTruthy();
    expect(workflow.unpinned).toEqual([]);
    expect(workflow.unknownNeeds).toEqual([]);
  });

  it('delivers only what was judged, from the main branch, and shows secrets to nobody else', () => {
    expect([train!.needs, judge!.needs, deliver!.needs]).toEqual(['data', 'train', 'judge']);
    expect(deliver).toMatchObject({
      environment: 'production',
      if: expect.stringContaining('refs/heads/main'),
    });
    const { deliver: _, ...others } = workflow.jobs;
    expect(JSON.stringify(others)).not.toMatch(/secrets\.|"environment"/);
    // Where the secrets are, no code of packages runs.
    expect(JSON.stringify(deliver)).not.toMatch(/npm ci|node_modules/);
    // What GitHub puts into a script can hold commands; variables cannot.
    for (const { run = '' } of workflow.steps) expect(run).not.toContain('${{');
  });

  it('stops the training before GitHub stops the job', () => {
    const hours = Number(/^(\d+)h$/.exec(String(train!.env!.TRAIN_FOR))![1]);
    expect(hours * 60 + 15).toBeLessThan(train!['timeout-minutes']!);
    expect(train!['timeout-minutes']).toBeLessThan(360);
  });
});

describeWith('jq', 'jq')('its steps', () => {
  let root: string;
  let project: string;
  let models: string;
  let remove: () => Promise<void>;
  let server: RobleServer;
  let key: string | undefined;

  beforeAll(async () => {
    ({ path: root, remove } = await temporaryFolder('retrain'));
    project = join(root, 'project');
    models = join(root, 'models on the server');
    await mkdir(join(project, 'node_modules', '.bin'), { recursive: true });
    await mkdir(join(root, 'bin'));
    await symlink(
      join(import.meta.dirname, '..', 'bin', 'run.js'),
      join(project, 'node_modules', '.bin', 'roble'),
    );
    await writeFile(
      join(project, 'roble.config.yaml'),
      [
        'name: letters',
        'dataset: data/letters',
        'image: { width: 12, height: 12 }',
        'model: { preset: cnn-small }',
        'train: { epochs: 12, batchSize: 16, threads: 1, learningRate: 0.01 }',
        'kpis: { accuracy: 0.5, latencyP99Ms: 150 }',
      ].join('\n'),
    );
    await tinyDataset(join(project, 'data', 'letters'));
    // Everything of ssh but the network: the words behind the name of the server go to a shell.
    await standIn(
      join(root, 'bin'),
      'ssh',
      'while case "$1" in -*) true ;; *) false ;; esac; do shift 2; done\n[ "$1" = deploy@server ] || exit 255\nshift\nexec sh -c "$*"',
    );
    await standIn(join(root, 'bin'), 'gh', 'cat "$ARTIFACTS"');
  });
  afterAll(async () => {
    await server?.close();
    await remove();
  });

  const step = (job: string, name: string, more: Partial<StepOptions> = {}) =>
    startStep(workflow, job, name, {
      cwd: project,
      ...more,
      env: {
        PATH: `${join(root, 'bin')}:${process.env.PATH}`,
        GITHUB_REPOSITORY: 'owner/letters',
        GITHUB_OUTPUT: join(root, 'output'),
        GITHUB_STEP_SUMMARY: join(root, 'summary'),
        ARTIFACTS: join(root, 'artifacts.json'),
        ...more.env,
      },
    });
  /** The outcome of a step that has ended, with what it said where that is not what was expected. */
  const ended = async (...words: Parameters<typeof step>) => {
    const { exitCode, stdout, stderr } = await step(...words);
    return { exitCode, text: `${stdout}\n${stderr}` };
  };
  const fine = { exitCode: 0 };

  it('make and check the data', async () => {
    for (const name of ['Balance', 'Join', 'Validate']) expect(await ended('data', name)).toMatchObject(fine);
    expect(await readdir(join(project, 'retrain'))).toEqual(
      expect.arrayContaining(['shards', 'data', 'data.html']),
    );
  });

  it('go on with a training that was cancelled', async () => {
    const cancelled = step('train', 'Train');
    const lines = () => readFile(join(project, 'retrain/run/history.jsonl'), 'utf8').catch(() => '');
    await expect.poll(lines, { interval: 20 }).toContain('"type":"epoch"');
    cancelled.kill('SIGINT');
    expect((await cancelled).exitCode).toBe(130);
    expect(await ended('train', 'Train')).toMatchObject(fine);
    const { epochs, events } = await readHistory(join(project, 'retrain/run'));
    expect(epochs).toHaveLength(12);
    expect(events.map(({ event }) => event)).toEqual(['started', 'interrupted', 'resumed', 'completed']);
  });

  it('find the model that was delivered last, and none of a fork or of another branch', async () => {
    const found = async (...artifacts: object[]) => {
      await writeFile(join(root, 'artifacts.json'), JSON.stringify({ artifacts }));
      await rm(join(root, 'output'), { force: true });
      const outcome = await ended('judge', 'Find the delivered model', {
        expressions: { 'github.token': 'x' },
      });
      expect(outcome).toMatchObject(fine);
      return { text: outcome.text, output: await readFile(join(root, 'output'), 'utf8') };
    };
    const artifact = (id: number, day: number, more = {}, run = {}) => ({
      expired: false,
      created_at: `2026-01-0${day}T00:00:00Z`,
      workflow_run: { id, head_branch: 'main', repository_id: 7, head_repository_id: 7, ...run },
      ...more,
    });
    const first = await found();
    expect(first.output).toBe('run=\n');
    expect(first.text).toContain('::warning::');
    const later = await found(
      artifact(1, 1),
      artifact(2, 3),
      artifact(3, 2),
      artifact(4, 4, { expired: true }),
      artifact(5, 5, {}, { head_repository_id: 8 }),
      artifact(6, 6, {}, { head_branch: 'try' }),
    );
    expect(later.output).toBe('run=2\n');
    expect(later.text).not.toContain('::warning::');
  });

  it('let nothing pass that is worse than what was delivered', async () => {
    const delivered = join(project, 'retrain/delivered');
    const { epochs, ...history } = await readHistory(join(project, 'retrain/run'));
    const deliveredWith = async (better: number) => {
      await mkdir(delivered, { recursive: true });
      const moved = epochs.map((epoch) => ({ ...epoch, valAccuracy: epoch.valAccuracy + better }));
      await writeFile(join(delivered, 'history.json'), JSON.stringify({ ...history, epochs: moved }));
      await rm(join(project, 'retrain/comparison.html'), { force: true });
    };
    await deliveredWith(0);
    expect(await ended('judge', 'Compare')).toMatchObject(fine);
    await deliveredWith(0.01);
    expect(await ended('judge', 'Compare')).toMatchObject({
      exitCode: 4,
      text: expect.stringContaining('missed: valAccuracy'),
    });
    await rm(join(project, 'retrain/comparison.html'));
    expect(await ended('judge', 'Compare', { env: { MAY_LOSE: '0.02' } })).toMatchObject(fine);
    await writeFile(join(delivered, 'history.json'), '{}');
    await rm(join(project, 'retrain/comparison.html'));
    expect((await ended('judge', 'Compare')).exitCode).not.toBe(0);
  });

  it('hold the model against the targets, and show how it stands in any case', async () => {
    const summary = () => readFile(join(root, 'summary'), 'utf8');
    expect(await ended('judge', 'Hold against the KPIs')).toMatchObject(fine);
    expect(await summary()).toMatch(/\| accuracy \| at least 50 % \| .* \| met \|/);
    await rm(join(project, 'retrain/kpis.md'));
    const strict = { env: { ROBLE_KPIS_ACCURACY: '1', ROBLE_KPIS_SECONDS_PER_EPOCH: '0.0001' } };
    expect(await ended('judge', 'Hold against the KPIs', strict)).toMatchObject({ exitCode: 4 });
    expect(await summary()).toMatch(/\| secondsPerEpoch .* missed \|/);
  });

  it('say what the environment lacks', async () => {
    const outcome = await ended('deliver', 'Deliver', { expressions: settings({ 'vars.ROBLE_MODELS': '' }) });
    expect(outcome).toMatchObject({ exitCode: 2, text: expect.stringContaining('lacks ROBLE_MODELS') });
  });

  it('deliver the next version as a canary, even to a server that looks for new versions', async () => {
    await mkdir(join(models, 'letters'), { recursive: true });
    await cp(join(project, 'retrain/run/model'), join(models, 'letters', '9'), { recursive: true });
    const keysFile = join(root, 'keys.json');
    ({ key } = await createKey(keysFile, { name: 'deliver', scopes: ['admin'] }));
    server = await createServer({
      models,
      port: 0,
      watchMs: 20,
      admin: { host: '127.0.0.1', port: 0 },
      access: { keysFile },
    } as never);
    expect(await ended('deliver', 'Deliver', { expressions: settings() })).toMatchObject(fine);
    const served = await state();
    expect(served).toMatchObject({ version: '9', reloads: 0, canary: { percent: 10 } });
    expect(JSON.stringify(served.canary)).toContain('"version":"10"');
    expect(await readdir(models)).toEqual(['letters']);
    expect(await readFile(join(root, 'summary'), 'utf8')).toContain(
      'Version 10 of letters answers 10 percent',
    );
  });

  it('leave the server as it is when the key is wrong or the bundle is damaged', async () => {
    const refused = await ended('deliver', 'Deliver', {
      expressions: settings({ 'secrets.ROBLE_ADMIN_KEY': 'wrong' }),
    });
    expect(refused.exitCode).not.toBe(0);
    expect(refused.text).toContain('ROBLE_KEY_REFUSED');
    expect(await readdir(join(models, 'letters'))).toEqual(expect.not.arrayContaining(['11']));
    await writeFile(join(project, 'retrain/run/model/model.onnx'), 'damaged');
    const damaged = await ended('deliver', 'Deliver', { expressions: settings() });
    expect(damaged.exitCode).not.toBe(0);
    expect(damaged.text).toContain('ROBLE_BUNDLE_INVALID');
    expect(await state()).toMatchObject({ version: '9', reloads: 0 });
  });

  const settings = (more = {}) => ({
    'vars.ROBLE_SERVER': 'deploy@server',
    'vars.ROBLE_STACK': '',
    'vars.ROBLE_MODELS': models,
    'vars.ROBLE_ADMIN': server?.adminUrl ?? 'http://127.0.0.1:1',
    'secrets.ROBLE_SSH_KEY': 'a key',
    'secrets.ROBLE_KNOWN_HOSTS': 'a host',
    'secrets.ROBLE_ADMIN_KEY': key ?? '',
    ...more,
  });

  async function state() {
    const headers = { authorization: `Bearer ${key}` };
    const answer = await fetch(`${server.adminUrl}/admin/models/letters`, { headers });
    // biome-ignore lint/suspicious/noExplicitAny: a body of the server, checked by the expectations.
    return (await answer.json()) as any;
  }
});
