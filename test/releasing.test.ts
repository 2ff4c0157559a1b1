/** The workflows and the image of roble itself. */
import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { validate } from 'dockerfile-utils';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { temporaryFolder } from './support/temporary-folder.js';
import { startStep, Workflow } from './support/workflow.js';

const root = join(import.meta.dirname, '..');
const read = (...path: string[]) => readFile(join(root, ...path), 'utf8');
const ci = new Workflow(await read('.github/workflows/ci.yml'));
const release = new Workflow(await read('.github/workflows/release.yml'));
const dockerfile = await read('Dockerfile');

let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: folder, remove } = await temporaryFolder('releasing'));
});
afterAll(() => remove());

describe.each([
  ['ci', ci],
  ['release', release],
])('the workflow %s', (_, workflow) => {
  it('has nothing that actionlint finds, may read by default, ends in time, and pins what others wrote', async () => {
    expect(await workflow.problems()).toEqual([]);
    expect(workflow.permissions).toEqual({ contents: 'read' });
    expect(workflow.concurrency.group).toBeTruthy();
    expect(workflow.unpinned).toEqual([]);
    expect(workflow.unknownNeeds).toEqual([]);
    for (const job of Object.values(workflow.jobs))
      if (job.steps) expect(job['timeout-minutes']).toBeGreaterThan(0);
  });

  it('gives no script what an outsider could have written', () => {
    for (const { run = '' } of workflow.steps) expect(run).not.toContain('${'.concat('{'));
    expect(workflow.text).not.toContain('pull_request_target');
  });
});

describe('the workflow of releases', () => {
  it('publishes nothing that was not tested on every version of Node', () => {
    const { test, package: npm, image } = release.jobs;
    expect(test!.uses).toBe('./.github/workflows/ci.yml');
    for (const job of [npm, image]) expect(job!.needs).toEqual(['version', 'test']);
    const { jobs } = parse(ci.text);
    expect(jobs.test.container.image).toBe('node:20-bookworm');
    expect(jobs.package.strategy.matrix.node).toEqual([22, 24, 26]);
  });

  it.each([
    ['v1.2.3', '1.2.3', 'version=1.2.3\nchannel=latest\n'],
    ['v1.2.3-beta.1', '1.2.3-beta.1', 'version=1.2.3-beta.1\nchannel=next\n'],
  ])('takes the tag %s of that version', async (tag, version, output) => {
    expect(await readVersion(tag, version)).toEqual({ exitCode: 0, output });
  });

  it('refuses a tag of another version', async () => {
    expect(await readVersion('v1.2.4', '1.2.3')).toEqual({ exitCode: 1, output: '' });
  });

  async function readVersion(tag: string, version: string) {
    const output = join(folder, 'output');
    await writeFile(output, '');
    await writeFile(join(folder, 'package.json'), JSON.stringify({ version }));
    const env = { GITHUB_REF_NAME: tag, GITHUB_OUTPUT: output };
    const { exitCode } = await startStep(release, 'version', 'Read the version', { cwd: folder, env });
    return { exitCode, output: await readFile(output, 'utf8') };
  }
});

describe('the image', () => {
  const stages = [...dockerfile.matchAll(/^FROM (\S+) AS (\S+)\n((?:(?!^FROM ).*\n)*)/gm)].map(
    ([, image, name, text]) => ({ image: image!, name: name!, text: text! }),
  );
  const stage = (name: string) => stages.find((one) => one.name === name)!.text;
  /** What the finished image takes from the repository, and what from the build, as [from, to]. */
  const copied = [...stage('runtime').matchAll(/^COPY (?:--from=\S+ )?(.+) (\S+)$/gm)];

  it('has nothing that the parser finds, and runs with no right', () => {
    expect(validate(dockerfile).map(({ message }) => message)).toEqual([]);
    expect(stages.map(({ name }) => name)).toEqual(['build', 'runtime', 'serve', 'roble']);
    for (const { image } of stages) if (image.includes(':')) expect(image).toMatch(/^node:\d+\.\d+\.\d+-/);
    expect(stage('runtime')).toMatch(/^USER 10001:10001$/m);
    expect(stage('build')).toMatch(/^RUN npm prune --omit=dev /m);
  });

  it('has a health check only where it serves', () => {
    expect(stages.filter(({ text }) => /^HEALTHCHECK/m.test(text)).map(({ name }) => name)).toEqual([
      'serve',
    ]);
  });

  it('shuts out everything but what it copies', async () => {
    const lines = (await read('.dockerignore')).split('\n').filter((line) => line && !line.startsWith('#'));
    expect(lines[0]).toBe('*');
    const kept = lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    const sources = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, words = '']) =>
      words.split(' '),
    );
    const isKept = (path: string) =>
      kept.includes(path) || (/^tsconfig/.test(path) && kept.includes('tsconfig*.json'));
    expect(sources.filter((path) => !isKept(path))).toEqual([]);
    const there = await readdir(root);
    expect(kept.filter((path) => !path.includes('*') && !there.includes(path.split('/')[0]!))).toEqual([]);
  });

  it('has all that the package has, and enough to run', async () => {
    const { files } = JSON.parse(await read('package.json'));
    const image = join(folder, 'opt');
    await mkdir(image);
    for (const [, sources = '', target = ''] of copied)
      for (const source of sources.split(' ')) {
        const name = source.replace('/opt/roble/', '');
        const to = target.endsWith('/') ? join(image, name) : join(image, target.replace('/opt/roble/', ''));
        if (name === 'node_modules') await symlink(join(root, name), to);
        else await cp(join(root, name), to, { recursive: true });
      }
    expect(await readdir(image)).toEqual(expect.arrayContaining(files));
    const work = join(folder, 'work');
    await mkdir(work);
    await writeFile(join(work, 'roble.config.yaml'), 'name: letters\n');
    const { stdout } = await execa(join(image, 'bin', 'run.js'), ['config:show', '--json'], { cwd: work });
    expect(JSON.parse(stdout).ok).toBe(true);
    const init = await execa(join(image, 'bin', 'run.js'), ['init', '--retrain', '--dry-run'], { cwd: work });
    expect(init.stdout).toContain('name: Retrain');
    await rm(image, { recursive: true });
  });
});
