import type { TrainResult } from '../../core/learning/training/train.js';

const ENDS = {
  completed: 'Trained',
  'stopped-early': 'Stopped early after',
  interrupted: 'Interrupted after',
} as const;

/** How a training run ended, in lines. */
export function trainResultLines({ stopped, run, epochs, best, bundle }: TrainResult): string[] {
  const percent = (value: number) => `${(value * 100).toFixed(2)} %`;
  return [
    `${ENDS[stopped]} ${epochs} epoch${epochs === 1 ? '' : 's'}: ${run}`,
    ...(best
      ? [
          `Best epoch ${best.epoch}: valAccuracy ${percent(best.valAccuracy)}, balanced ${percent(best.valBalancedAccuracy)}, ` +
            `top-3 ${percent(best.valTop3Accuracy)}, valLoss ${best.valLoss.toFixed(4)}`,
        ]
      : []),
    ...(bundle ? [`Model: ${bundle}`] : []),
    ...(stopped === 'interrupted' ? [`Go on: roble train:resume ${run}`] : []),
  ];
}
