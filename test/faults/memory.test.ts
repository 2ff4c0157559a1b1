/**
 * A genuine lack of memory: the batch does not fit under a limit that the kernel enforces. The run goes on with the same
 * effective batch, and its result is that of the run with enough memory, up to the order of the sums.
 */
import { mkdtempSync, rmdirSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeCheckpoint } from '../../src/core/learning/training/checkpoints/checkpoint.js';
import { resultFingerprint } from '../../src/core/learning/training/verify.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { tinyDataset } from '../support/tiny-dataset.js';
import { eventsOf, type Options, startTraining, trainHere } from './training.js';

let root: string;
let dataset: string;
/** The folder of the run whose batches were made at once. */
let whole: string;
let remove: () => Promise<void>;
let count = 0;

/** A control group (version 1) of these tests, where this user may limit the memory of processes by one. */
const group = controlGroup();
function controlGroup(): string | undefined {
  try {
    return mkdtempSync('/sys/fs/cgroup/memory/roble-test-');
  } catch {
    return undefined;
  }
}

beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('memory'));
  dataset = await tinyDataset(join(root, 'dataset'));
  whole = await unlimited();
});
afterAll(async () => {
  if (group !== undefined) rmdirSync(group);
  await remove();
});

const BATCH = 192;

/** No batch norm, so that parts of a batch are as good as the whole; wide enough to need most of a gigabyte. */
function optionsOf(train: Record<string, unknown> = {}): Options {
  return {
    dataset,
    run: join(root, `run-${count++}`),
    model: {
      layers: [
        { type: 'conv', filters: 90, kernel: 5, stride: 1, padding: 'same', bias: true },
        { type: 'relu' },
        { type: 'conv', filters: 90, kernel: 5, stride: 1, padding: 'same', bias: true },
        { type: 'relu' },
        { type: 'globalAveragePool' },
        { type: 'dense', units: 'classes', bias: true },
      ],
    },
    train: {
      engine: 'faulty',
      epochs: 2,
      batchSize: BATCH,
      threads: 1,
      learningRate: 0.05,
      optimizer: { type: 'sgd', momentum: 0.9, nesterov: false, weightDecay: 0 },
      evaluationBatchSize: 8,
      retry: { backoffSeconds: 0 },
      ...train,
    },
  };
}

/** Trains with all the memory there is. Gives the folder of the run. */
async function unlimited(train: Record<string, unknown> = {}): Promise<string> {
  const options = optionsOf(train);
  expect((await trainHere(options)).stopped).toBe('completed');
  return options.run!;
}

async function weightsOf(run: string) {
  const folder = join(run, 'checkpoints');
  const newest = (await readdir(folder))
    .filter((name) => name.startsWith('step-'))
    .sort()
    .at(-1)!;
  return decodeCheckpoint(await readFile(join(folder, newest)), newest).state.parameters;
}

/** Largest difference of two weights, as a share of the largest weight of the tensor. */
async function difference(a: string, b: string): Promise<number> {
  const [first, second] = [await weightsOf(a), await weightsOf(b)];
  const shares = Object.entries(first).map(([name, { data }]) => {
    const largest = data.reduce((sum, value) => Math.max(sum, Math.abs(value)), 0);
    return (
      data.reduce((sum, value, i) => Math.max(sum, Math.abs(value - second[name]!.data[i]!)), 0) / largest
    );
  });
  return Math.max(...shares);
}

/** Runs under smaller and smaller limits until one is too small for the batch; gives that run. */
async function starve(limit: (megabytes: number) => readonly string[]): Promise<Options> {
  for (let megabytes = 1500; megabytes > 150; megabytes *= 0.85) {
    const options = optionsOf();
    const { exitCode, all } = await startTraining(options, [], limit(Math.round(megabytes)));
    expect(exitCode, `${megabytes} MB: ${all}`).toBe(0);
    if ((await eventsOf(options.run!)).some(({ event }) => event === 'microbatch-changed')) return options;
  }
  throw new Error('No limit was too small.');
}

/** Parts of 96 samples or fewer against 192 at once: float32 sums of some thousand terms in another order. */
const SUMMATION_ORDER = 1e-5;

describe('a batch that does not fit', () => {
  it('into the address space is made in parts, with the result of the whole', async () => {
    const starved = await starve((megabytes) => ['prlimit', `--data=${megabytes * 1e6}`]);
    // Caught in the step, or the end of the process: both happen, by where the allocation fails.
    const lacks = (await eventsOf(starved.run!)).filter(
      ({ event, cause }) => event === 'out-of-memory' || cause === 'out-of-memory',
    );
    expect(lacks.length).toBeGreaterThan(0);
    const share = await difference(whole, starved.run!);
    expect(share).toBeGreaterThan(0);
    expect(share).toBeLessThan(SUMMATION_ORDER);
  });

  it.skipIf(group === undefined)(
    'into a control group is killed by the kernel, and made in parts',
    async () => {
      const starved = await starve((megabytes) => {
        writeFileSync(join(group!, 'memory.limit_in_bytes'), String(megabytes * 1e6));
        return ['sh', '-c', `echo $$ > ${group}/cgroup.procs && exec "$0" "$@"`];
      });
      const ended = (await eventsOf(starved.run!)).filter(({ event }) => event === 'worker-ended');
      expect(ended[0]).toMatchObject({ cause: 'out-of-memory', detail: 'signal SIGKILL' });
      expect(await difference(whole, starved.run!)).toBeLessThan(SUMMATION_ORDER);
    },
  );

  it.skipIf(group === undefined)('elsewhere on the machine is not taken for a lack of its own', async () => {
    writeFileSync(join(group!, 'memory.limit_in_bytes'), '30000000');
    let isTraining = true;
    let killed = 0;
    const elsewhere = (async () => {
      while (isTraining) {
        const hog = `echo $$ > ${group}/cgroup.procs && exec tail /dev/zero`;
        if ((await execa('sh', ['-c', hog], { reject: false })).signal === 'SIGKILL') killed++;
      }
    })();
    const options = optionsOf({ batchSize: 16 });
    const fault = { on: 'step', at: 3, do: 'kill', marker: join(root, 'marker') } as const;
    await trainHere(options, [fault]).finally(() => {
      isTraining = false;
    });
    await elsewhere;
    expect(killed).toBeGreaterThan(0);
    const events = await eventsOf(options.run!);
    expect(events.filter(({ event }) => event === 'worker-ended')).toMatchObject([{ cause: 'killed' }]);
  });

  it('gives the same bits with and without the limit when the size of the parts is set', async () => {
    const settings = { microbatchSize: 24 };
    const free = await unlimited(settings);
    const limited = optionsOf(settings);
    expect((await startTraining(limited, [], ['prlimit', '--data=1200000000'])).exitCode).toBe(0);
    expect(await resultFingerprint(limited.run!)).toEqual(await resultFingerprint(free));
  });
});
