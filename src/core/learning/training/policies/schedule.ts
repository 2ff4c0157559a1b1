import type { ScheduleSpec } from '../../settings.js';

/**
 * The learning rate of an update, as a factor of the configured one. Progress is counted in steps, so that a schedule
 * does not jump at the end of an epoch. `step` counts from 0.
 *
 * Cosine: Loshchilov and Hutter 2017 (SGDR), without restarts. Warm-up: linear from near zero (Goyal et al. 2017).
 * One-cycle: Smith and Topin 2018.
 */
export function learningRateFactor(
  schedule: ScheduleSpec,
  step: number,
  stepsPerEpoch: number,
  totalSteps: number,
): number {
  if (schedule.type === 'oneCycle') return oneCycleFactor(schedule, step, totalSteps);
  const warmup = Math.round(schedule.warmupEpochs * stepsPerEpoch);
  if (step < warmup) return (step + 1) / warmup;
  switch (schedule.type) {
    case 'constant':
      return 1;
    case 'step':
      return schedule.factor ** Math.floor((step - warmup) / (schedule.everyEpochs * stepsPerEpoch));
    case 'cosine':
      return cosineBetween(1, schedule.finalFactor, (step - warmup) / Math.max(totalSteps - warmup, 1));
  }
}

type OneCycle = Extract<ScheduleSpec, { type: 'oneCycle' }>;

/**
 * Two half cosines, up and down, with the first, the largest and the last rate at the steps where PyTorch's
 * `OneCycleLR` has them. A run too short for a rise starts at the largest rate.
 */
function oneCycleFactor(schedule: OneCycle, step: number, totalSteps: number): number {
  const { initialFactor, finalFactor, warmupShare } = schedule;
  const peak = Math.max(warmupShare * totalSteps - 1, 0);
  if (step < peak) return cosineBetween(initialFactor, 1, step / peak);
  return cosineBetween(1, finalFactor, (step - peak) / Math.max(totalSteps - 1 - peak, 1));
}

/** Half a cosine from one value to another; `progress` from 0 to 1, and the second value from there on. */
function cosineBetween(from: number, to: number, progress: number): number {
  return to + ((from - to) * (1 + Math.cos(Math.PI * Math.min(progress, 1)))) / 2;
}
