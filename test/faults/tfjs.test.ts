/** The engine tfjs: a run that is killed ends with the bits of one that is left alone, as those of the engine onnx do. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { resultFingerprint } from '../../src/core/training/result-fingerprint.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { tinyDataset } from '../support/tiny-dataset.js';
import { eventsOf, type Fault, type Options, startResume, startTraining } from './training.js';

let root: string;
let dataset: string;
let remove: () => Promise<void>;
let clean: Awaited<ReturnType<typeof resultFingerprint>>;

beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('faults-tfjs'));
  dataset = await tinyDataset(join(root, 'dataset'));
  const { exitCode, all } = await startTraining(optionsOf('clean'));
  expect(exitCode, all).toBe(0);
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

const once = (fault: Omit<Fault, 'marker'>): Fault => ({
  ...fault,
  marker: join(root, `marker-${fault.do}-${fault.on}`),
});

it.each(['step', 'evaluate'] as const)('killed in: %s', async (on) => {
  const options = optionsOf(`killed-${on}`);
  const { exitCode, all } = await startTraining(options, [
    once({ on, at: on === 'step' ? 17 : 2, do: 'kill' }),
  ]);
  expect(exitCode, all).toBe(0);
  expect((await eventsOf(options.run!)).map(({ event }) => event)).toContain('worker-ended');
  expect(await resultFingerprint(options.run!)).toEqual(clean);
});

it('killed with the program that watches over it, and resumed', async () => {
  const options = optionsOf('killed-all');
  const faults = [once({ on: 'step', at: 8, do: 'kill-all' })];
  await startTraining(options, faults);
  const { exitCode, all } = await startResume(options.run!, faults);
  expect(exitCode, all).toBe(0);
  expect(await resultFingerprint(options.run!)).toEqual(clean);
});
