/**
 * The fault matrix: whatever happens to a run, in training, in evaluation or while it saves, its weights, its model and
 * its history at the end are those of a run that was left alone, bit for bit.
 */
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resultFingerprint } from '../../src/core/training/result-fingerprint.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { tinyDataset } from '../support/tiny-dataset.js';
import { eventsOf, type Fault, type Options, startResume, startTraining } from './training.js';

let root: string;
let dataset: string;
let remove: () => Promise<void>;
let count = 0;

/** 12 steps an epoch; evaluation in three batches; a checkpoint every 5 steps. */
const TRAIN = {
  engine: 'faulty',
  epochs: 3,
  batchSize: 16,
  evaluationBatchSize: 16,
  threads: 1,
  learningRate: 0.01,
  checkpointEverySteps: 5,
  emaDecay: 0.9,
  retry: { backoffSeconds: 0 },
};

function optionsOf(train: Record<string, unknown> = {}, run = join(root, `run-${count++}`)): Options {
  return { dataset, run, model: { preset: 'cnn-small' }, train: { ...TRAIN, ...train } };
}

/** A fault that happens once, whatever is started later. */
function once(fault: Omit<Fault, 'marker'>): Fault {
  return { ...fault, marker: join(root, `marker-${count++}`) };
}

/** The result of a run with these settings that nothing happened to but what it does to itself every time. */
async function undisturbed(train: Record<string, unknown> = {}, faults: readonly Fault[] = []) {
  const options = optionsOf(train);
  const { exitCode, all } = await startTraining(options, faults);
  expect(exitCode, all).toBe(0);
  return resultFingerprint(options.run!);
}

let clean: Awaited<ReturnType<typeof resultFingerprint>>;

beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('faults'));
  dataset = await tinyDataset(join(root, 'dataset'));
  clean = await undisturbed();
});
afterAll(() => remove());

/** In the second epoch of three: a step, an evaluation batch, a save. */
const PHASES = {
  training: { on: 'step', at: 17 },
  evaluation: { on: 'evaluate', at: 5 },
  saving: { on: 'save', at: 5 },
} as const satisfies Record<string, Omit<Fault, 'do'>>;

/** Where a fault of a phase strikes in a run. */
function faultIn(phase: keyof typeof PHASES, { run }: Options, what: string): Fault {
  return { ...PHASES[phase], do: what, folder: join(run!, 'checkpoints') };
}

const phases = Object.keys(PHASES) as (keyof typeof PHASES)[];

it('two undisturbed runs are the same', async () => {
  expect(await undisturbed()).toEqual(clean);
  expect(clean.epochs).toHaveLength(3);
});

describe('a training process that ends too early is replaced', () => {
  const ends = [
    ['kill', 'killed', phases],
    ['abort', 'native-crash', phases],
    ['error', 'error', ['training', 'evaluation']],
  ] as const;
  describe.each(ends)('%s', (what, cause, where) => {
    it.each(where)('in %s', async (phase) => {
      const options = optionsOf();
      const { exitCode, all } = await startTraining(options, [once(faultIn(phase, options, what))]);
      expect(exitCode, all).toBe(0);
      expect(await resultFingerprint(options.run!)).toEqual(clean);
      const ended = (await eventsOf(options.run!)).filter(({ event }) => event === 'worker-ended');
      expect(ended).toMatchObject([{ cause }]);
      // Nothing half-written is left once the run goes on by itself or is resumed.
      await startResume(options.run!);
      const left = await readdir(join(options.run!, 'checkpoints'));
      expect(left.filter((name) => name.includes('.partial-'))).toEqual([]);
    });
  });

  it.each(['training', 'evaluation'] as const)('hang in %s', async (phase) => {
    const options = optionsOf({ retry: { backoffSeconds: 0, heartbeatTimeoutSeconds: 2 } });
    const { exitCode, all } = await startTraining(options, [once(faultIn(phase, options, 'hang'))]);
    expect(exitCode, all).toBe(0);
    expect(await resultFingerprint(options.run!)).toEqual(clean);
    expect(await eventsOf(options.run!)).toContainEqual(
      expect.objectContaining({ event: 'worker-ended', cause: 'heartbeat-lost' }),
    );
  });

  it('up to maxRetries times without progress, and then not', async () => {
    const options = optionsOf({ retry: { backoffSeconds: 0, maxRetries: 2 } });
    const { exitCode, all } = await startTraining(options, [{ on: 'step', at: 17, do: 'abort' }]);
    expect(exitCode).toBe(3);
    expect(all).toContain('ROBLE_WORKER_DIED');
    const names = (await eventsOf(options.run!)).map(({ event }) => event);
    // The crash may overtake the writes of the newest checkpoints: then a retry brings the progress of one of them.
    const retries = names.filter((name) => name === 'retried').length;
    expect(retries).toBeGreaterThanOrEqual(2);
    expect(retries).toBeLessThanOrEqual(6);
    expect(names.at(-1)).toBe('failed');
    expect((await startResume(options.run!)).exitCode).toBe(0);
    expect(await resultFingerprint(options.run!)).toEqual(clean);
  });
});

describe('a signal saves a checkpoint, ends with its code, and the run goes on', () => {
  const signals = [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGUSR1', 143],
    ['SIGHUP', 143],
  ] as const;
  describe.each(signals)('%s', (signal, code) => {
    it.each(phases)('in %s', async (phase) => {
      const options = optionsOf();
      const { exitCode, all } = await startTraining(options, [faultIn(phase, options, signal)]);
      expect(exitCode, all).toBe(code);
      expect((await eventsOf(options.run!)).at(-1)!.event).toBe('interrupted');
      expect((await startResume(options.run!)).exitCode).toBe(0);
      expect(await resultFingerprint(options.run!)).toEqual(clean);
    });
  });

  it('twice: it ends at once, the training process too, and the run goes on from the last checkpoint', async () => {
    const options = optionsOf();
    // The training process never hears the first one.
    const faults: Fault[] = [
      { on: 'step', at: 17, do: 'SIGTERM-twice' },
      { on: 'step', at: 17, do: 'hang' },
    ];
    const { exitCode } = await startTraining(options, faults);
    expect(exitCode).toBe(143);
    expect((await startResume(options.run!)).exitCode).toBe(0);
    expect(await resultFingerprint(options.run!)).toEqual(clean);
  });

  it('that a hanging process does not hear is carried out at the deadline', async () => {
    const options = optionsOf({ retry: { saveDeadlineSeconds: 1 } });
    const faults: Fault[] = [
      { on: 'step', at: 17, do: 'SIGTERM' },
      { on: 'step', at: 17, do: 'hang' },
    ];
    const { exitCode, all } = await startTraining(options, faults);
    expect(exitCode, all).toBe(143);
    expect((await eventsOf(options.run!)).at(-1)!.event).toBe('interrupted');
    expect((await startResume(options.run!)).exitCode).toBe(0);
    expect(await resultFingerprint(options.run!)).toEqual(clean);
  });
});

describe('when both processes are killed', () => {
  it.each(phases)('in %s, the run goes on', async (phase) => {
    const options = optionsOf();
    const { signal } = await startTraining(options, [faultIn(phase, options, 'kill-all')]);
    expect(signal).toBe('SIGKILL');
    expect((await startResume(options.run!)).exitCode).toBe(0);
    expect(await resultFingerprint(options.run!)).toEqual(clean);
  });

  it.each([
    ['truncated', (bytes: Buffer) => bytes.subarray(0, bytes.length / 3)],
    ['empty', () => Buffer.alloc(0)],
    ['changed in one bit', (bytes: Buffer) => changedBit(bytes, bytes.length - 7)],
    ['changed in one bit of its header', (bytes: Buffer) => changedBit(bytes, 100)],
  ] as const)('and the newest checkpoint is %s, the one before is taken', async (_how, damage) => {
    const options = optionsOf();
    await startTraining(options, [{ on: 'step', at: 18, do: 'kill-all' }]);
    const folder = join(options.run!, 'checkpoints');
    const newest = (await readdir(folder))
      .filter((name) => name.startsWith('step-'))
      .sort()
      .at(-1)!;
    await writeFile(join(folder, newest), damage(await readFile(join(folder, newest))));
    const { exitCode, all } = await startResume(options.run!);
    expect(exitCode, all).toBe(0);
    expect(await resultFingerprint(options.run!)).toEqual(clean);
    expect(await eventsOf(options.run!)).toContainEqual(
      expect.objectContaining({ event: 'checkpoint-passed-over' }),
    );
    expect(await readdir(folder)).toContain(`${newest}.damaged`);
  });
});

function changedBit(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[at]! ^= 4;
  return changed;
}

describe('a lack of memory', () => {
  const fault: Fault = { on: 'step', at: 7, do: 'out-of-memory' };
  const halvedOnce = () => [once(fault)];

  it('in a step halves the microbatch from that step on, and a kill later does not change that', async () => {
    const halved = await undisturbed({}, halvedOnce());
    expect(halved).not.toEqual(clean);
    // Killed before and after the checkpoint that knows about it.
    for (const at of [9, 17]) {
      const options = optionsOf();
      const { exitCode, all } = await startTraining(options, [
        ...halvedOnce(),
        once({ on: 'step', at, do: 'kill' }),
      ]);
      expect(exitCode, all).toBe(0);
      expect(await resultFingerprint(options.run!)).toEqual(halved);
      const changes = (await eventsOf(options.run!)).filter(({ event }) => event === 'microbatch-changed');
      // To 8, and back to 16 at the end of the epoch after the next.
      expect(changes).toMatchObject([{ microbatchSize: 8 }, { microbatchSize: 16 }]);
    }
  });

  it('in an evaluation halves its batch, and changes no weight', async () => {
    const options = optionsOf();
    await startTraining(options, [once({ on: 'evaluate', at: 5, do: 'out-of-memory' })]);
    const result = await resultFingerprint(options.run!);
    expect({ ...result, epochs: [] }).toEqual({ ...clean, epochs: [] });
    expect((await eventsOf(options.run!)).map(({ event }) => event)).toContain('out-of-memory');
  });

  it('that ends the process again and again halves the microbatch each time, and the sizes stay', async () => {
    const faults = [17, 18, 19].map((at) => once({ on: 'step', at, do: 'bad-alloc' }));
    const options = optionsOf();
    const { exitCode, all } = await startTraining(options, faults);
    expect(exitCode, all).toBe(0);
    const sizes = (await eventsOf(options.run!)).flatMap(({ event, microbatchSize }) =>
      event === 'microbatch-changed' ? [microbatchSize] : [],
    );
    expect(sizes.slice(0, 3)).toEqual([8, 4, 2]);
  });

  it('that ends the process in an evaluation halves that batch only', async () => {
    const options = optionsOf();
    const { exitCode, all } = await startTraining(options, [
      once({ on: 'evaluate', at: 5, do: 'bad-alloc' }),
    ]);
    expect(exitCode, all).toBe(0);
    const result = await resultFingerprint(options.run!);
    expect({ ...result, epochs: [] }).toEqual({ ...clean, epochs: [] });
    expect((await eventsOf(options.run!)).map(({ event }) => event)).not.toContain('microbatch-changed');
  });

  it('in parts of a single sample ends the run, which goes on when there is memory', async () => {
    const options = optionsOf({ microbatchSize: 1 });
    const fault = once({ on: 'step', at: 17, do: 'bad-alloc' });
    expect((await startTraining(options, [fault])).exitCode).toBe(3);
    expect((await startResume(options.run!)).exitCode).toBe(0);
    expect(await resultFingerprint(options.run!)).toEqual(await undisturbed({ microbatchSize: 1 }));
  });
});

describe('numbers that are impossible', () => {
  const nan = (at: number, until: number): Fault => ({ on: 'step', at, until, do: 'nan' });

  it.each([
    ['one step, which is skipped', [nan(7, 8)]],
    ['more than may be skipped: the run goes back', [nan(14, 18)]],
    ['twice as many: the learning rate is cut', [nan(14, 22)]],
  ])('in %s; and a kill in between changes nothing', async (_what, faults) => {
    const disturbed = await undisturbed({}, faults);
    expect(disturbed.state).not.toEqual(clean.state);
    for (const at of [faults[0]!.at, faults[0]!.at + 3, 23]) {
      const options = optionsOf();
      const { exitCode, all } = await startTraining(options, [
        ...faults,
        once({ on: 'step', at, do: 'kill' }),
      ]);
      expect(exitCode, all).toBe(0);
      expect(await resultFingerprint(options.run!)).toEqual(disturbed);
    }
  });
});

it('a SIGTERM to the training process alone does not end the run', async () => {
  const options = optionsOf();
  const { exitCode, all } = await startTraining(options, [
    once({ on: 'step', at: 17, do: 'terminate-self' }),
  ]);
  expect(exitCode, all).toBe(0);
  expect(await resultFingerprint(options.run!)).toEqual(clean);
});

describe('a disk', () => {
  it('that is full for a while ends nothing, also with a kill meanwhile', async () => {
    for (const kill of [false, true]) {
      const disk = await smallDisk();
      try {
        const options = optionsOf({}, join(disk, 'run'));
        const file = join(disk, 'filler');
        const { exitCode, all } = await startTraining(options, [
          once({ on: 'step', at: 8, do: 'fill', file }),
          ...(kill ? [once({ on: 'step', at: 13, do: 'kill' })] : []),
          once({ on: 'step', at: 19, do: 'free', file }),
        ]);
        expect(exitCode, all).toBe(0);
        expect(await resultFingerprint(options.run!)).toEqual(clean);
        expect(await eventsOf(options.run!)).toContainEqual(
          expect.objectContaining({ event: 'checkpoint-failed' }),
        );
      } finally {
        execFileSync('umount', [disk]);
      }
    }
  });

  it('that takes no checkpoints is replaced by checkpointFallback, from which the run goes on too', async () => {
    const fallback = join(root, `fallback-${count++}`);
    const options = optionsOf({ checkpointFallback: fallback });
    // A file where the folder should be: no permission of any user helps against that.
    await mkdir(options.run!);
    const blocked = join(options.run!, 'checkpoints');
    const interrupted = { ...options, autoResume: true };
    await startTraining(interrupted, [{ on: 'step', at: 3, do: 'kill-all' }]);
    await rm(blocked, { recursive: true });
    await writeFile(blocked, '');
    await startTraining(interrupted, [{ on: 'step', at: 18, do: 'kill-all' }]);
    const { exitCode, all } = await startTraining(interrupted);
    expect(exitCode, all).toBe(0);
    const { id } = JSON.parse(await readFile(join(options.run!, 'run.json'), 'utf8'));
    const folder = join(fallback, `${basename(options.run!)}-${id}`);
    expect(await resultFingerprint(options.run!, folder)).toEqual(clean);
  });
});

/** A file system of 8 MB; needs the right to mount. */
async function smallDisk(): Promise<string> {
  const disk = join(root, `disk-${count++}`);
  await mkdir(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', disk]);
  return disk;
}
