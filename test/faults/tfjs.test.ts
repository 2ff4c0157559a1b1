/** The engine tfjs: a run that is killed ends with the bits of one that is left alone, as those of the engine onnx do. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { resultFingerprint } from '../../src/core/learning/training/verify.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { tinyDataset } from '../support/tiny-dataset.js';
import { eventsOf, type Fault, type Options, resumeHere, startTraining, trainHere } from './training.js';

let root: string;
let dataset: string;
let remove: () => Promise<void>;
let clean: Awaited<ReturnType<typeof resultFingerprint>>;

beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('faults-tfjs'));
  dataset = await tinyDataset(join(root, 'dataset'));
  expect((await trainHere(optionsOf('clean'))).stopped).toBe('completed');
  clean = await resultFingerprint(join(root, 'clean'));
});
afterAll(() => remove());

/** 12 steps an epoch; a checkpoint every 5 steps. */
function optionsOf(run: string): Options {
  const layers = [
    { type: 'conv', filters: 6, stride: 2, bias: false },
    { type: 'batchNorm' },
    { type: 'relu' },
    { type: 'globalAveragePool' },
    { type: 'dropout', rate: 0.1 },
    { type: 'dense', units: 'classes' },
  ];
  const train = {
    engine: 'faulty-tfjs',
    epochs: 2,
    batchSize: 16,
    learningRate: 0.02,
    checkpointEverySteps: 5,
    emaDecay: 0.9,
    retry: { backoffSeconds: 0 },
  };
  return { dataset, run: join(root, run), model: { layers } as never, train };
}

const once = <Do extends string>(fault: Omit<Fault<Do>, 'marker'>): Fault<Do> => ({
  ...fault,
  marker: join(root, `marker-${fault.do}-${fault.on}`),
});

it('killed in a step and in an evaluation', async () => {
  const options = optionsOf('killed');
  const faults = [
    once({ on: 'step', at: 17, do: 'kill' } as const),
    once({ on: 'evaluate', at: 1, do: 'kill' } as const),
  ];
  expect((await trainHere(options, faults)).stopped).toBe('completed');
  const events = (await eventsOf(options.run!)).map(({ event }) => event);
  expect(events.filter((event) => event === 'worker-ended')).toHaveLength(2);
  expect(await resultFingerprint(options.run!)).toEqual(clean);
});

it('killed with the program that watches over it, and resumed', async () => {
  const options = optionsOf('killed-all');
  const { signal } = await startTraining(options, [{ on: 'step', at: 8, do: 'kill-all' }]);
  expect(signal).toBe('SIGKILL');
  expect((await resumeHere(options.run!)).stopped).toBe('completed');
  expect(await resultFingerprint(options.run!)).toEqual(clean);
});
