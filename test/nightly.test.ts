/** The nightly workflow against the real command line, and against what its own parts say of each other. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { renderNightlyWorkflow } from '../src/core/config/template.js';

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, string>>;
}
interface Job {
  readonly needs?: string;
  readonly 'timeout-minutes'?: number;
  readonly steps: readonly Step[];
}
interface Workflow {
  readonly permissions: unknown;
  readonly concurrency: { readonly group: string };
  readonly jobs: Readonly<Record<string, Job>>;
}

const root = join(import.meta.dirname, '..');
const text = await renderNightlyWorkflow('data/letters');
const { jobs, ...workflow } = parse(text) as Workflow;
const steps = Object.values(jobs).flatMap((job) => job.steps);

/** Each `roble ...` of the workflow, as its words. */
const calls = steps.flatMap(({ run = '' }) =>
  [...run.matchAll(/roble (.+)$/gm)].map(([, words = '']) => words.split(/\s+/)),
);

describe('the nightly workflow', () => {
  it.each(calls.map((words) => [words.join(' '), words] as const))(
    'calls what there is: %s',
    async (_, words) => {
      const { commands } = JSON.parse(await readFile(join(root, 'oclif.manifest.json'), 'utf8'));
      const [id = '', ...rest] = words;
      expect(Object.keys(commands)).toContain(id);
      const { flags } = commands[id];
      for (const word of rest.filter((part) => part.startsWith('--')))
        expect(Object.keys(flags)).toContain(word.slice(2));
    },
  );

  it('balances, joins and validates, one after the other, on one folder', () => {
    expect(calls.map(([id]) => id)).toEqual(['data:balance', 'data:merge', 'data:validate']);
    const [balance, merge, validate] = calls as [string[], string[], string[]];
    const out = (words: string[]) => words[words.indexOf('--out') + 1];
    expect(merge[1]).toBe(out(balance));
    expect(validate[1]).toBe(out(merge));
    const paths = steps.flatMap((step) => (step.uses ? [step.with?.path].filter(Boolean) : []));
    const report = validate[validate.indexOf('--html') + 1];
    expect(new Set(paths)).toEqual(new Set([out(balance), out(merge), report]));
  });

  it('may read and nothing else, ends in time, runs once at a time, and uses major versions of GitHub itself', () => {
    expect(workflow.permissions).toEqual({ contents: 'read' });
    expect(workflow.concurrency.group).toBeTruthy();
    for (const job of Object.values(jobs)) expect(job['timeout-minutes']).toBeGreaterThan(0);
    for (const { uses } of steps) if (uses) expect(uses).toMatch(/^actions\/[\w/-]+@v\d+$/);
  });

  it('needs jobs that there are, and leaves what GitHub replaces', () => {
    for (const { needs } of Object.values(jobs)) if (needs) expect(Object.keys(jobs)).toContain(needs);
    expect(text).toContain(`SOURCE: "data/letters"`);
    expect(text).toMatch(/\$\{\{ matrix\.shard \}\}/);
    expect(text).not.toMatch(/\{\{[\w.]+\}\}/);
  });
});
