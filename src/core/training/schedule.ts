import type { ScheduleSpec } from '../config/schema.js';

/**
 * The learning rate of an update, as a factor of the configured one. Progress is counted in steps, so that a schedule
 * does not jump at the end of an epoch. `step` counts from 0.
 *
 * Cosine: Loshchilov and Hutter 2017 (SGDR), without restarts. Warm-up: linear from near zero (Goyal et al. 2017).
 */
export function learningRateFactor(
  schedule: ScheduleSpec,
  step: number,
  stepsPerEpoch: number,
  totalSteps: number,
): number {
  const warmup = Math.round(schedule.warmupEpochs * stepsPerEpoch);
  if (step < warmup) return (step + 1) / warmup;
  switch (schedule.type) {
    case 'constant':
      return 1;
    case 'step':
      return schedule.factor ** Math.floor((step - warmup) / (schedule.everyEpochs * stepsPerEpoch));
    case 'cosine': {
      const progress = Math.min((step - warmup) / Math.max(totalSteps - warmup, 1), 1);
      return schedule.finalFactor + ((1 - schedule.finalFactor) * (1 + Math.cos(Math.PI * progress))) / 2;
    }
  }
}
