import { SPLITS, type SplitName } from '../dataset/format.js';
import type { BalancePlan } from './plan.js';

/** Samples of a part: few enough that a kill loses little and every worker has some to make. */
const MOST_SAMPLES = 4096;
const FEWEST_SAMPLES = 64;
/** Pictures of a part, in bytes, where the number of samples allows it. */
const PART_BYTES = 2 ** 25;

/** A piece of work: one part of a split. */
export interface PartUnit {
  readonly split: SplitName;
  /** Its number within the split. */
  readonly index: number;
  /** The place of its first sample in the split. */
  readonly start: number;
  readonly count: number;
}

/**
 * The parts of all splits. They follow from the plan alone, so that every shard sees the same.
 *
 * @param imageSize bytes of a picture
 */
export function partUnits(
  { splits }: Pick<BalancePlan, 'splits'>,
  imageSize: number,
  mostSamples: number = MOST_SAMPLES,
): PartUnit[] {
  const size = Math.max(FEWEST_SAMPLES, Math.min(mostSamples, Math.floor(PART_BYTES / imageSize)));
  return SPLITS.flatMap((split) => {
    const total = splits[split]?.samples.length ?? 0;
    return Array.from({ length: Math.ceil(total / size) }, (_, index) => {
      const start = index * size;
      return { split, index, start, count: Math.min(size, total - start) };
    });
  });
}
