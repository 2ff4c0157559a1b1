import type { TrainEvent } from '../../core/base/context.js';
import { countOf, formatCount } from '../../core/base/text.js';
import { formatBytes, formatDuration, formatMetrics, formatProgress } from '../terminal/format.js';
import { incidentText, oneLine } from './text.js';

type Event<Kind extends TrainEvent['kind']> = Extract<TrainEvent, { kind: Kind }>;

/** One event of a training run as a line of text. */
export function trainLine(event: TrainEvent): string {
  switch (event.kind) {
    case 'started':
      return startedLine(event);
    case 'step':
      return (
        `epoch ${event.epoch}: ${formatProgress(event.step, event.stepsPerEpoch, 'steps')}, ` +
        `${formatMetrics(event.metrics)}, ${formatBytes(event.memoryBytes)}, ETA ${formatDuration(event.etaMs)}`
      );
    case 'evaluating':
      return `epoch ${event.epoch}: evaluating ${formatProgress(event.done, event.total, 'images')}`;
    case 'epoch':
      return epochLine(event);
    case 'checkpoint':
      return (
        `checkpoint at step ${formatCount(event.step)}, training waited ` +
        `${formatCount(Math.round(event.stallMs))} ms: ${event.file}`
      );
    case 'incident':
      return incidentText(event.event);
    case 'stopping':
      return `stopping: ${oneLine(event.reason)}`;
    case 'exported':
      return `exported ${event.bundle}`;
  }
}

function startedLine(event: Event<'started'>): string {
  const { firstStep, history } = event;
  const from =
    firstStep === 0
      ? ''
      : `, going on after step ${formatCount(firstStep)} with ${countOf(history.length, 'complete epoch')}`;
  return (
    `training ${event.model} (${formatCount(event.parameters)} parameters) on ${event.device}: ` +
    `${formatCount(event.trainCount)} images, ${formatCount(event.validationCount)} for validation, ` +
    `${countOf(event.epochs, 'epoch')} of ${countOf(event.stepsPerEpoch, 'step')}, in ${event.run}${from}`
  );
}

/** The metrics that tell how good the model is; the history has the others. */
function epochLine({
  epoch,
  metrics: { epoch: _, step: __, skippedSteps, ...metrics },
  best,
}: Event<'epoch'>): string {
  const skipped = skippedSteps ? `, ${countOf(skippedSteps, 'skipped step')}` : '';
  return `epoch ${epoch}: ${formatMetrics(metrics)}${skipped}${best ? ' (best so far)' : ''}`;
}
