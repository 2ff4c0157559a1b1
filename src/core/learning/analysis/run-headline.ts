import { countOf } from '../../base/text.js';
import { metricText } from '../history/metrics.js';
import { curveOf, metricOf } from '../history/recorded-run.js';
import type { RunAnalysis } from './analyze-run.js';

/** A run in a sentence: how many epochs it had, how it ended, and its best epoch. */
export function runHeadline({ epochs, plannedEpochs, end, best, monitor, format }: RunAnalysis): string {
  const done = `${countOf(epochs.length, 'epoch')}${plannedEpochs === undefined || plannedEpochs === epochs.length ? '' : ` of ${plannedEpochs}`}`;
  const ended = end ? `, ${end.event.replace('-', ' ')}` : format === 'roble' ? ', not ended' : '';
  const value = metricOf(best, monitor.metric);
  if (!best || value === undefined) return `${done}${ended}; none has a finite ${monitor.metric}.`;
  const seconds = curveOf(epochs, 'trainSeconds').concat(curveOf(epochs, 'evaluationSeconds'));
  const total = seconds.reduce((sum, [, part]) => sum + part, 0);
  const time = total > 0 ? `, in ${timeText(total)}` : '';
  return `${done}${ended}${time}; best is epoch ${best.epoch} with ${monitor.metric} ${metricText(monitor.metric, value)}.`;
}

function timeText(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  if (seconds < 3600) return `${(seconds / 60).toFixed(1)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
