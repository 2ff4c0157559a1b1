/**
 * However the training process ends, its successor goes on, and weights, model and history at the end are those of a run
 * that was left alone, bit for bit.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resultFingerprint } from '../../src/core/learning/training/verify.js';
import { FaultBench, type Phase, phases } from './fault-bench.js';
import { eventsOf, type OwnFault, resumeHere, startTraining, trainHere } from './training.js';

const bench = new FaultBench('process-ends');

it('two undisturbed runs are the same', async () => {
  expect(await bench.undisturbed()).toEqual(bench.clean);
  expect(bench.clean.epochs).toHaveLength(3);
});

/** What the ends of the training processes of a run were called. */
async function causesOf(run: string) {
  return (await eventsOf(run)).flatMap(({ event, cause }) => (event === 'worker-ended' ? [cause] : []));
}

/** A run whose training process is struck in each of these phases in turn. */
async function struckRun(what: OwnFault, where: readonly Phase[], retry: object = {}) {
  const options = bench.optionsOf({ retry: { backoffSeconds: 0, ...retry } });
  const faults = bench.inTurn(where.map((phase) => bench.faultIn(phase, options.run, what)));
  expect((await trainHere(options, faults)).stopped).toBe('completed');
  return options.run;
}

describe('a training process that ends too early is replaced', () => {
  it.each([
    ['kill', 'killed', phases],
    ['abort', 'native-crash', phases],
    ['error', 'error', ['training', 'evaluation']],
  ] as const)('%s (%s) in %j', async (what, cause, where) => {
    const run = await struckRun(what, where);
    expect(await resultFingerprint(run)).toEqual(bench.clean);
    expect(await causesOf(run)).toEqual(where.map(() => cause));
    // Nothing half-written is left once the run goes on by itself or is resumed.
    await resumeHere(run);
    const left = await readdir(join(run, 'checkpoints'));
    expect(left.filter((name) => name.includes('.partial-'))).toEqual([]);
  });

  it('hang in training and in evaluation', async () => {
    // On a machine that is busy enough, a process that starts is as silent.
    const run = await struckRun('hang', ['training', 'evaluation'], {
      heartbeatTimeoutSeconds: 2,
      maxRetries: 20,
    });
    expect(await resultFingerprint(run)).toEqual(bench.clean);
    const causes = await causesOf(run);
    expect(causes.length).toBeGreaterThanOrEqual(2);
    expect(new Set(causes)).toEqual(new Set(['heartbeat-lost']));
  });

  it('up to maxRetries times without progress, and then not', async () => {
    const options = bench.optionsOf({ retry: { backoffSeconds: 0, maxRetries: 2 } });
    const { exitCode, all } = await startTraining(options, [{ on: 'step', at: 17, do: 'abort' }]);
    expect(exitCode).toBe(3);
    expect(all).toContain('ROBLE_WORKER_DIED');
    const names = (await eventsOf(options.run)).map(({ event }) => event);
    // The crash may overtake the writes of the newest checkpoints: then a retry brings the progress of one of them.
    const retries = names.filter((name) => name === 'retried').length;
    expect(retries).toBeGreaterThanOrEqual(2);
    expect(retries).toBeLessThanOrEqual(6);
    expect(names.at(-1)).toBe('failed');
    await resumeHere(options.run);
    expect(await resultFingerprint(options.run)).toEqual(bench.clean);
  });

  it('also when a SIGTERM tells it alone to stop', async () => {
    const options = bench.optionsOf();
    const fault = bench.once({ on: 'step', at: 17, do: 'terminate-self' });
    expect((await trainHere(options, [fault])).stopped).toBe('completed');
    expect(await resultFingerprint(options.run)).toEqual(bench.clean);
  });
});
