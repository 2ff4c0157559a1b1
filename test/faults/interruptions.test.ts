/**
 * Whatever signal ends a whole run, and wherever it strikes, the run goes on, and its weights, its model and its history
 * at the end are those of a run that was left alone, bit for bit.
 */
import { describe, expect, it } from 'vitest';
import { resultFingerprint } from '../../src/core/learning/training/verify.js';
import { FaultBench, type Phase, phases } from './fault-bench.js';
import { eventsOf, type Fault, type ParentFault, resumeHere, startTraining } from './training.js';

const bench = new FaultBench('interruptions');

/** The result of a run that was interrupted in its second epoch, and then goes on. */
async function resultAfter(options: ReturnType<FaultBench['optionsOf']>) {
  expect((await resumeHere(options.run)).stopped).toBe('completed');
  return resultFingerprint(options.run);
}

/** Starts a run, and the same run again, struck in each of the phases in turn; gives it after checks of each end. */
async function struckIn(
  where: readonly Phase[],
  what: ParentFault,
  check: (end: StruckEnd, run: string) => unknown,
) {
  const options = { ...bench.optionsOf(), autoResume: true };
  for (const phase of where)
    await check(await startTraining(options, [bench.faultIn(phase, options.run, what)]), options.run);
  return options;
}
type StruckEnd = Awaited<ReturnType<typeof startTraining>>;

describe('a signal saves a checkpoint, ends with its code, and the run goes on', () => {
  // What a signal does is decided in one place: once it is known as the wish to stop, it is any of them.
  it.each([
    ['SIGTERM', 143, phases],
    ['SIGINT', 130, ['training']],
    ['SIGUSR1', 143, ['evaluation']],
    ['SIGHUP', 143, ['saving']],
  ] as const)('%s: %i, in %j', async (signal, code, where) => {
    const options = await struckIn(where, signal, async ({ exitCode, all }, run) => {
      expect(exitCode, all).toBe(code);
      expect((await eventsOf(run)).at(-1)!.event).toBe('interrupted');
    });
    expect(await resultAfter(options)).toEqual(bench.clean);
  });

  it('is carried out where the training process dies of an error meanwhile', async () => {
    const options = bench.optionsOf();
    const { exitCode, all } = await startTraining(options, [
      { on: 'step', at: 17, do: 'SIGTERM-then-error' },
    ]);
    expect(exitCode, all).toBe(143);
    const [ended, interrupted] = (await eventsOf(options.run)).slice(-2);
    expect(ended).toMatchObject({ event: 'worker-ended', cause: 'error' });
    expect(interrupted).toMatchObject({
      event: 'interrupted',
      detail: expect.stringMatching(/goes on from the checkpoint of step 1[0-5]$/),
    });
    expect(await resultAfter(options)).toEqual(bench.clean);
  });

  it('twice: it ends at once, the training process too, and the run goes on from the last checkpoint', async () => {
    const options = bench.optionsOf();
    // The training process never hears the first one.
    const faults: Fault[] = [
      { on: 'step', at: 17, do: 'SIGTERM-twice' },
      { on: 'step', at: 17, do: 'hang' },
    ];
    const { exitCode } = await startTraining(options, faults);
    expect(exitCode).toBe(143);
    expect(await resultAfter(options)).toEqual(bench.clean);
  });

  it('that a hanging process does not hear is carried out at the deadline', async () => {
    const options = bench.optionsOf({ retry: { saveDeadlineSeconds: 0.2 } });
    const faults: Fault[] = [
      { on: 'step', at: 17, do: 'SIGTERM' },
      { on: 'step', at: 17, do: 'hang' },
    ];
    const { exitCode, all } = await startTraining(options, faults);
    expect(exitCode, all).toBe(143);
    expect((await eventsOf(options.run)).at(-1)!.event).toBe('interrupted');
    expect(await resultAfter(options)).toEqual(bench.clean);
  });
});

it('when both processes are killed, in training, in evaluation and while it saves, the run goes on', async () => {
  const options = await struckIn(phases, 'kill-all', ({ signal }) => expect(signal).toBe('SIGKILL'));
  expect(await resultAfter(options)).toEqual(bench.clean);
});
