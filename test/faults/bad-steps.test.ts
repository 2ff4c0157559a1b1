/**
 * A step that needs too much memory, or whose numbers are impossible, is answered once and for all: what becomes of the
 * run is the same, bit for bit, when its process is killed before, meanwhile and after.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readHistory } from '../../src/core/learning/history/read-run.js';
import { resultFingerprint } from '../../src/core/learning/training/verify.js';
import { openBundle } from '../../src/core/model/bundle.js';
import { FaultBench } from './fault-bench.js';
import { eventsOf, type Fault, type OwnFault, resumeHere, trainHere } from './training.js';

const bench = new FaultBench('bad-steps');

/** A run to its end under faults, and what has come of it. */
async function completed(faults: readonly Fault<OwnFault>[]) {
  const { run } = bench.optionsOf();
  expect((await trainHere(bench.optionsOf({}, run), faults)).stopped).toBe('completed');
  return { result: await resultFingerprint(run), events: await eventsOf(run) };
}

const killsAt = (steps: readonly number[]) => steps.map((at) => ({ on: 'step', at, do: 'kill' }) as const);
const names = (events: readonly { event: string }[]) => events.map(({ event }) => event);

describe('a lack of memory', () => {
  it('in a step halves the microbatch from that step on, and kills later do not change that', async () => {
    const lack = () => bench.once({ on: 'step', at: 7, do: 'out-of-memory' });
    const halved = await bench.undisturbed({}, [lack()]);
    expect(halved).not.toEqual(bench.clean);
    // Killed before and after the checkpoint that knows about it.
    const { result, events } = await completed([lack(), ...bench.inTurn(killsAt([9, 17]))]);
    expect(result).toEqual(halved);
    expect(names(events).filter((name) => name === 'worker-ended')).toHaveLength(2);
    const changes = events.filter(({ event }) => event === 'microbatch-changed');
    // To 8, and back to 16 at the end of the epoch after the next.
    expect(changes).toMatchObject([{ microbatchSize: 8 }, { microbatchSize: 16 }]);
  });

  it('in an evaluation halves its batch, and changes no weight', async () => {
    const { result, events } = await completed([bench.once({ on: 'evaluate', at: 5, do: 'out-of-memory' })]);
    expect({ ...result, epochs: [] }).toEqual({ ...bench.clean, epochs: [] });
    expect(names(events)).toContain('out-of-memory');
  });

  it('that ends the process again and again halves the microbatch each time, and the sizes stay', async () => {
    const faults = [17, 18, 19].map((at) => bench.once({ on: 'step', at, do: 'bad-alloc' } as const));
    const { events } = await completed(faults);
    const sizes = events.flatMap(({ event, microbatchSize }) =>
      event === 'microbatch-changed' ? [microbatchSize] : [],
    );
    expect(sizes.slice(0, 3)).toEqual([8, 4, 2]);
  });

  it('that ends the process in an evaluation halves that batch only', async () => {
    const { result, events } = await completed([bench.once({ on: 'evaluate', at: 5, do: 'bad-alloc' })]);
    expect({ ...result, epochs: [] }).toEqual({ ...bench.clean, epochs: [] });
    expect(names(events)).not.toContain('microbatch-changed');
  });

  it('in parts of a single sample ends the run, which goes on when there is memory', async () => {
    const single = { microbatchSize: 1, epochs: 1 };
    const options = bench.optionsOf(single);
    const fault = bench.once({ on: 'step', at: 7, do: 'bad-alloc' });
    await expect(trainHere(options, [fault])).rejects.toMatchObject({ code: 'ROBLE_WORKER_DIED' });
    expect((await eventsOf(options.run)).at(-1)).toMatchObject({
      event: 'failed',
      detail: expect.stringContaining('no memory for a single sample'),
    });
    await resumeHere(options.run);
    expect(await resultFingerprint(options.run)).toEqual(await bench.undisturbed(single));
  });
});

describe('numbers that are impossible', () => {
  const nan = (at: number, until: number) => ({ on: 'step', at, until, do: 'nan' }) as const;

  it.each([
    ['one step, which is skipped', nan(7, 8)],
    ['more than may be skipped: the run goes back', nan(14, 18)],
    ['twice as many: the learning rate is cut', nan(14, 22)],
  ])('in %s; and kills in between change nothing', async (_what, fault) => {
    const disturbed = await bench.undisturbed({}, [fault]);
    expect(disturbed.state).not.toEqual(bench.clean.state);
    const kills = bench.inTurn(killsAt([fault.at, fault.at + 3, 23]));
    const { result, events } = await completed([fault, ...kills]);
    expect(result).toEqual(disturbed);
    expect(names(events).filter((name) => name === 'worker-ended')).toHaveLength(3);
  });

  /** Each evaluation is of three batches. */
  const nanOutputs = (first: number, last: number) =>
    ({ on: 'evaluate', at: 3 * first - 2, until: 3 * last + 1, do: 'nan' }) as const;

  it.each(['valAccuracy', 'valLoss', 'valBalancedAccuracy'])(
    'in the outputs of an epoch make it no candidate for the best by %s',
    async (monitor) => {
      const options = bench.optionsOf({ monitor });
      const { best, bundle } = await trainHere(options, [nanOutputs(1, 2)]);
      expect(best).toMatchObject({ epoch: 3 });
      expect((await openBundle(bundle!)).manifest.training.epoch).toBe(3);
      const { epochs } = await readHistory(options.run);
      // Answers that are no numbers are wrong ones.
      for (const { valLoss, valAccuracy, valTop3Accuracy } of epochs.slice(0, 2))
        expect([valLoss, valAccuracy, valTop3Accuracy]).toEqual([null, 0, 0]);
      expect(names(await eventsOf(options.run)).filter((name) => name === 'outputs-not-finite')).toHaveLength(
        2,
      );
    },
  );

  it('in the outputs of every epoch end the run as diverged, with all that it had', async () => {
    const options = bench.optionsOf();
    await expect(trainHere(options, [nanOutputs(1, 3)])).rejects.toMatchObject({
      code: 'ROBLE_TRAIN_DIVERGED',
      details: { nextSteps: [expect.stringContaining('learning rate'), expect.anything()] },
    });
    expect((await readHistory(options.run)).epochs).toHaveLength(3);
    expect((await eventsOf(options.run)).at(-1)).toMatchObject({ event: 'failed' });
    expect((await readdir(join(options.run, 'checkpoints'))).length).toBeGreaterThan(0);
  });
});
