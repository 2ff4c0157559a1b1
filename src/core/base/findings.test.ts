import { describe, expect, it } from 'vitest';
import type { ProgressEvent } from './context.js';
import { bySeverity, type Check, runChecks } from './findings.js';

const checks: Check<number, number>[] = [
  { id: 'double', title: 'Doubling', run: (subject) => 2 * subject },
  { id: 'half', title: 'Halving', run: async (subject) => subject / 2 },
];

async function outcomes(list: readonly Check<number, number>[], context = {}) {
  const found: [string, number][] = [];
  for await (const [{ id }, outcome] of runChecks(list, 8, context, 'check-')) found.push([id, outcome]);
  return found;
}

describe('runChecks', () => {
  it('runs checks in their order, each as a step', async () => {
    const events: ProgressEvent[] = [];
    const reporter = { report: (event: ProgressEvent) => events.push(event) };
    expect(await outcomes(checks, { reporter })).toEqual([
      ['double', 16],
      ['half', 4],
    ]);
    expect(events).toEqual([
      { type: 'step', id: 'check-double', title: 'Doubling', status: 'started' },
      { type: 'step', id: 'check-double', title: 'Doubling', status: 'done' },
      { type: 'step', id: 'check-half', title: 'Halving', status: 'started' },
      { type: 'step', id: 'check-half', title: 'Halving', status: 'done' },
    ]);
  });

  it('ends with what a check throws, also with what it throws at once', async () => {
    const failing = {
      id: 'failing',
      title: 'Failing',
      run: () => {
        throw new Error('no disk');
      },
    };
    const events: ProgressEvent[] = [];
    const reporter = { report: (event: ProgressEvent) => events.push(event) };
    await expect(outcomes([failing, ...checks], { reporter })).rejects.toThrow('no disk');
    expect(events.map((event) => 'status' in event && event.status)).toEqual(['started', 'failed']);
  });

  it('begins no check once the signal has aborted', async () => {
    const controller = new AbortController();
    const run = () => {
      controller.abort();
      return 1;
    };
    const aborting = { id: 'abort', title: 'Aborting', run };
    const found: string[] = [];
    const runAll = async () => {
      for await (const [{ id }] of runChecks([aborting, ...checks], 8, { signal: controller.signal }))
        found.push(id);
    };
    await expect(runAll()).rejects.toMatchObject({ code: 'ROBLE_INTERRUPTED' });
    expect(found).toEqual(['abort']);
  });
});

describe('bySeverity', () => {
  it('puts the worst first, and leaves those of one severity in their order', () => {
    const found = (['info', 'error', 'info', 'error'] as const).map((severity, i) => ({ severity, i }));
    expect(bySeverity(found, ['error', 'warning', 'info']).map(({ i }) => i)).toEqual([1, 3, 0, 2]);
  });
});
