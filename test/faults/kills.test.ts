/**
 * SIGKILLs at random moments, from the first millisecond to the last, of the training process, of the supervisor, or of
 * both: no run is lost, and each ends with the result of the run that was left alone. `npm run test:faults` kills at
 * least 100 times, otherwise a few times.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Random } from '../../src/core/base/random.js';
import { resultFingerprint } from '../../src/core/learning/training/verify.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { tinyDataset } from '../support/tiny-dataset.js';
import { type Options, startTraining, trainHere } from './training.js';

const KILLS = Number(process.env.ROBLE_TEST_KILLS ?? 6);
/** Starts of one run that may be killed, until it is left to end. */
const KILLED_STARTS = 6;
/** A run of this size takes about so long. */
const LONGEST_WAIT_MS = 1500;

let root: string;
let dataset: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder('kills'));
  dataset = await tinyDataset(join(root, 'dataset'));
});
afterAll(() => remove());

const optionsOf = (run: string): Options => ({
  dataset,
  run: join(root, run),
  autoResume: true,
  model: { preset: 'cnn-small' },
  train: {
    engine: 'faulty',
    epochs: 8,
    batchSize: 16,
    threads: 1,
    learningRate: 0.01,
    checkpointEverySteps: 3,
    retry: { backoffSeconds: 0, maxRetries: 100 },
  },
});

function childrenOf(pid: number): number[] {
  try {
    const words = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return words === '' ? [] : words.split(' ').map(Number);
  } catch {
    return [];
  }
}

function kill(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    // It was quicker.
    return false;
  }
}

it(
  `of ${KILLS} SIGKILLs none loses a run or changes its result`,
  async () => {
    expect((await trainHere(optionsOf('clean'))).stopped).toBe('completed');
    const expected = await resultFingerprint(join(root, 'clean'));
    const random = new Random(2026, 'synthesize');
    const counts = { runs: 0, worker: 0, supervisor: 0, both: 0 };
    const killed = () => counts.worker + counts.supervisor + counts.both;
    while (killed() < KILLS) {
      const options = optionsOf(`run-${counts.runs++}`);
      for (let i = 0; i < KILLED_STARTS && killed() < KILLS; i++) {
        const training = startTraining(options);
        let isOver = false;
        void training.then(() => {
          isOver = true;
        });
        // A killed training process has a successor: the same command may be hit again.
        while (!isOver && killed() < KILLS) {
          await sleep(random.uniform(0, LONGEST_WAIT_MS));
          const workers = childrenOf(training.pid!);
          // A run that is complete starts no training process: a kill of it would prove nothing.
          if (isOver || workers.length === 0) continue;
          const what = (['worker', 'supervisor', 'both'] as const)[random.integer(3)]!;
          const targets = [
            ...(what === 'worker' ? [] : [training.pid!]),
            ...(what === 'supervisor' ? [] : workers),
          ];
          if (targets.map(kill).some(Boolean)) counts[what]++;
          if (what !== 'worker') break;
        }
        await training;
      }
      expect((await trainHere(options)).stopped).toBe('completed');
      expect(await resultFingerprint(options.run!)).toEqual(expected);
    }
    process.stdout.write(`${killed()} SIGKILLs in ${counts.runs} runs: ${JSON.stringify(counts)}\n`);
  },
  60_000 + KILLS * 10_000,
);
