/** The nightly workflow against the real command line, and against what its own parts say of each other. */
import { describe, expect, it } from 'vitest';
import { renderNightlyWorkflow } from '../src/core/config/template.js';
import { Workflow } from './support/workflow.js';

const workflow = new Workflow(await renderNightlyWorkflow('data/letters'));

describe('the nightly workflow', () => {
  it('has nothing that actionlint finds, and calls what there is', async () => {
    expect(await workflow.problems()).toEqual([]);
    expect(await workflow.unknownCalls()).toEqual([]);
  });

  it('balances, joins and validates, one after the other, on one folder', () => {
    expect(workflow.calls.map(([id]) => id)).toEqual(['data:balance', 'data:merge', 'data:validate']);
    const [balance, merge, validate] = workflow.calls as [string[], string[], string[]];
    const out = (words: string[]) => words[words.indexOf('--out') + 1];
    expect(merge[1]).toBe(out(balance));
    expect(validate[1]).toBe(out(merge));
    const paths = workflow.steps.flatMap((step) => (step.uses ? [step.with?.path].filter(Boolean) : []));
    const report = validate[validate.indexOf('--html') + 1];
    expect(new Set(paths)).toEqual(new Set([out(balance), out(merge), report]));
  });

  it('may read and nothing else, ends in time, runs once at a time, and pins what others wrote', () => {
    expect(workflow.permissions).toEqual({ contents: 'read' });
    expect(workflow.concurrency.group).toBeTruthy();
    for (const job of Object.values(workflow.jobs)) expect(job['timeout-minutes']).toBeGreaterThan(0);
    expect(workflow.unpinned).toEqual([]);
  });

  it('needs jobs that there are, and leaves what GitHub replaces', () => {
    expect(workflow.unknownNeeds).toEqual([]);
    expect(workflow.text).toContain(`SOURCE: "data/letters"`);
    expect(workflow.text).toMatch(/\$\{\{ matrix\.shard \}\}/);
    expect(workflow.text).not.toMatch(/\{\{[\w.]+\}\}/);
  });
});
