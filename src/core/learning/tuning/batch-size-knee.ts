import type { OptimizerSpec } from '../../plugin/contracts.js';

export interface BatchSizePoint {
  readonly batchSize: number;
  /** Median over the measured steps. */
  readonly stepMs: number;
  readonly imagesPerSecond: number;
}

export interface BatchSizeSuggestion {
  readonly batchSize: number;
  /** By this the configured learning rate may be multiplied, since the configured batch size was another one. */
  readonly learningRateFactor: number;
  /** For people. */
  readonly reason: string;
  readonly learningRateReason: string;
}

/** Share of the best throughput that is enough: what is left would cost more memory and fewer updates in an epoch. */
const ENOUGH = 0.9;

/**
 * The smallest of the measured sizes that is nearly as fast as the fastest one, and what it means for the learning
 * rate that was chosen for another size.
 *
 * @param configured the batch size that the configured learning rate belongs to
 */
export function suggestBatchSize(
  points: readonly BatchSizePoint[],
  configured: number,
  optimizer: OptimizerSpec['type'],
): BatchSizeSuggestion {
  const best = points.reduce((a, b) => (b.imagesPerSecond > a.imagesPerSecond ? b : a));
  const knee = points.find(({ imagesPerSecond }) => imagesPerSecond >= ENOUGH * best.imagesPerSecond)!;
  const share = Math.round((100 * knee.imagesPerSecond) / best.imagesPerSecond);
  return {
    batchSize: knee.batchSize,
    reason:
      knee === best
        ? 'It is the fastest, and no smaller size reaches 90 % of its throughput.'
        : `It is the smallest size with at least 90 % of the best throughput: ${share} % of that of ${best.batchSize}.`,
    ...learningRateScaling(knee.batchSize / configured, optimizer),
  };
}

function learningRateScaling(
  ratio: number,
  optimizer: OptimizerSpec['type'],
): Pick<BatchSizeSuggestion, 'learningRateFactor' | 'learningRateReason'> {
  if (optimizer === 'sgd')
    return {
      learningRateFactor: ratio,
      learningRateReason: 'SGD: in proportion to the batch size (Goyal et al. 2017).',
    };
  return {
    learningRateFactor: Math.sqrt(ratio),
    learningRateReason: 'AdamW: by the square root of the ratio of the batch sizes (Malladi et al. 2022).',
  };
}
