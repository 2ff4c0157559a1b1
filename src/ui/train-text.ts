import type { TrainEvent } from '../core/context.js';
import { formatCount } from '../core/text.js';
import { formatDuration, formatMetrics, formatProgress } from './format.js';

/** One event of a training run as a line of text. */
export function trainLine(event: TrainEvent): string {
  switch (event.kind) {
    case 'started':
      return (
        `training ${event.model} (${formatCount(event.parameters)} parameters) on ${event.device}: ` +
        `${formatCount(event.trainCount)} images, ${formatCount(event.validationCount)} for validation, ` +
        `${event.epochs} epochs of ${formatCount(event.stepsPerEpoch)} steps, in ${event.run}`
      );
    case 'step':
      return (
        `epoch ${event.epoch}: ${formatProgress(event.step, event.stepsPerEpoch, 'steps')}, ` +
        `${formatMetrics(event.metrics)}, ETA ${formatDuration(event.etaMs)}`
      );
    case 'evaluating':
      return `epoch ${event.epoch}: evaluating ${formatProgress(event.done, event.total, 'images')}`;
    case 'epoch':
      return `epoch ${event.epoch}: ${formatMetrics(event.metrics)}${event.best ? ' (best so far)' : ''}`;
    case 'checkpoint':
      return `epoch ${event.epoch}: checkpoint ${event.file}`;
    case 'stopping':
      return `stopping: ${event.reason}`;
    case 'exported':
      return `exported ${event.bundle}`;
  }
}
