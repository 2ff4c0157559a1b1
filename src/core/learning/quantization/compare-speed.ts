import { median } from '../../base/statistics.js';
import type { ModelPair } from './compare-answers.js';

/** Images a second of processor time, on one thread. */
export interface SpeedComparison {
  readonly batchSize: number;
  readonly before: number;
  readonly after: number;
  /** How many times as many images: the median over the rounds. */
  readonly ratio: number;
}

const ROUNDS = 7;
const ROUND_MS = 50;

/**
 * Measures two models in turn, so that what else the machine does falls on both alike, and by the processor time of this
 * process, so that it hardly counts.
 *
 * @param images uint8, of one batch
 */
export async function compareSpeed(
  { before, after }: ModelPair,
  images: Uint8Array,
  batchSize: number,
): Promise<SpeedComparison> {
  const rounds: { before: number; after: number; ratio: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const [slow, fast] = [await rate(before, images, batchSize), await rate(after, images, batchSize)];
    rounds.push({ before: slow, after: fast, ratio: fast / slow });
  }
  const middle = (key: 'before' | 'after' | 'ratio') => median(rounds.map((round) => round[key]));
  return { batchSize, before: middle('before'), after: middle('after'), ratio: middle('ratio') };
}

async function rate(predictor: ModelPair['before'], images: Uint8Array, batchSize: number): Promise<number> {
  const start = process.cpuUsage();
  let [calls, ms] = [0, 0];
  do {
    await predictor.predict(images, batchSize);
    calls++;
    const { user, system } = process.cpuUsage(start);
    ms = (user + system) / 1000;
  } while (ms < ROUND_MS);
  return (calls * batchSize * 1000) / ms;
}
